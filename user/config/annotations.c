// SPDX-License-Identifier: GPL-2.0
/* Labels and annotations that begin with shunt.io/: which kinds have them, and their values. */
#include <string.h>
#include "config/keys.h"
#include "config/kinds.h"
#include "config/policy.h"

#define PREFIX "shunt.io/"
#define ON(k) (1u << (k))

static bool is_guard(const char *text)
{
	uint32_t percent, window;

	return guard_parse(text, &percent, &window);
}

static bool is_period(const char *text)
{
	int64_t ns;

	return !duration_parse(text, &ns) && ns > 0;
}

/* The first value is the default. */
static const struct key {
	const char *name;
	unsigned kinds;
	const char *values[3];
	bool (*accepts)(const char *text);
	const char *want;
	bool in_force; /* else the other values are told to do nothing yet */
} keys[] = {
	{"traffic",
	 ON(KIND_POD) | ON(KIND_NAMESPACE),
	 {"enabled", "disabled"},
	 NULL,
	 "enabled or disabled"},
	{"split",
	 ON(KIND_VIRTUAL_SERVICE) | ON(KIND_SERVICE) | ON(KIND_NAMESPACE),
	 {"connection", "request"},
	 NULL,
	 "connection or request",
	 true},
	{"on-proxy-failure",
	 ON(KIND_VIRTUAL_SERVICE) | ON(KIND_SERVICE),
	 {"bypass", "refuse"},
	 NULL,
	 "bypass or refuse",
	 true},
	{"capture",
	 ON(KIND_POD) | ON(KIND_NAMESPACE),
	 {"socket", "tc"},
	 NULL,
	 "socket or tc",
	 true},
	{"splice",
	 ON(KIND_POD) | ON(KIND_NAMESPACE) | ON(KIND_SERVICE),
	 {"off", "on"},
	 NULL,
	 "\"off\" or \"on\"",
	 true},
	{"drain",
	 ON(KIND_VIRTUAL_SERVICE) | ON(KIND_SERVICE),
	 {"keep", "now"},
	 is_period,
	 "keep, now or a duration like 30s",
	 true},
	{"guard",
	 ON(KIND_VIRTUAL_SERVICE),
	 {"none"},
	 is_guard,
	 "none, or a guard like connect-failure>10%/100",
	 true},
};
#define NR_KEYS (sizeof(keys) / sizeof(*keys))

static bool is_value(const struct key *key, const char *text)
{
	for (size_t i = 0; i < 3 && key->values[i]; i++)
		if (!strcmp(key->values[i], text))
			return true;
	return key->accepts && key->accepts(text);
}

static const char *kinds_of(struct decoder *d, const struct key *key)
{
	const char *text = NULL;

	for (int k = 0; k < NR_KINDS; k++)
		if (key->kinds & ON(k))
			text = text ? arena_printf(d->arena, "%s, %s", text, kinds[k].name)
				    : kinds[k].name;
	return text;
}

static void check_key(struct decoder *d, const struct node *n)
{
	const char *name = n->key + strlen(PREFIX), *near = NULL;
	const struct key *key = NULL;

	for (size_t i = 0; i < NR_KEYS; i++) {
		if (!strcmp(keys[i].name, name))
			key = &keys[i];
		near = nearest(name, near, keys[i].name);
	}
	if (!key && near)
		decode_error_name(d, n, "unknown key, did you mean " PREFIX "%s?", near);
	else if (!key)
		decode_error_name(d, n, "unknown key");
	else if (!(key->kinds & ON(d->object->kind)))
		decode_error_name(d, n, "has no effect on a %s, want it on %s",
				  kinds[d->object->kind].name, kinds_of(d, key));
	else if (n->type != NODE_STRING)
		return; /* said with the labels */
	else if (!is_value(key, n->text))
		decode_error(d, n, "%s is not known, want %s", quoted(d, n), key->want);
	else if (!key->in_force && strcmp(key->values[0], n->text))
		decode_later(d, n);
}

/* Istio's own that a user may not set: it refuses such an object, so we do. */
static void check_istio_key(struct decoder *d, const struct node *n)
{
	static const char *const internal[] = {"internal.istio.io/webhook-always-reject",
					       "internal.istio.io/parents",
					       "internal.istio.io/parent-name",
					       "internal.istio.io/parent-namespace"};
	const char *kind = kinds[d->object->kind].name;

	if (d->open)
		return;
	if (!strcmp(n->key, "istio.io/dry-run"))
		decode_error_name(d, n, "has no effect on a %s, want none", kind);
	for (size_t i = 0; i < sizeof(internal) / sizeof(*internal); i++)
		if (!strcmp(n->key, internal[i]))
			decode_error_name(d, n, "is for Istio alone to set, want none");
}

void annotations_check(struct decoder *d, const struct node *root)
{
	static const char *const maps[] = {"labels", "annotations"};
	const struct node *metadata = node_get(root, "metadata"), *it;

	for (size_t i = 0; i < 2; i++) {
		const struct node *map = node_get(metadata, maps[i]);

		if (!map || map->type != NODE_MAP || map->nr > LABELS_MAX)
			continue;
		node_each(map, it) {
			if (!strncmp(it->key, PREFIX, strlen(PREFIX)))
				check_key(d, it);
			else if (i)
				check_istio_key(d, it);
		}
	}
}
