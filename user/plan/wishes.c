// SPDX-License-Identifier: GPL-2.0
/* What people ask of a port by keys of shunt.io/, and who asked. */
#include <string.h>
#include "config/decode.h"
#include "config/keys.h"
#include "plan/host.h"

/* The value of the first of the objects (each may be NULL) that has the key; NULL: none has. */
static const char *key_ask(struct planner *p, const struct object *const *from, size_t nr,
			   const char *key, struct plan_source *out)
{
	const char *value, *field;

	for (size_t i = 0; i < nr; i++) {
		value = from[i] ? key_value(from[i], key, &field) : NULL;
		if (!value)
			continue;
		out->object = from[i];
		out->field = arena_printf(p->host->arena, "%s[%s]", field, key);
		out->place = from[i]->place;
		return value;
	}
	*out = (struct plan_source){.field = ""};
	return NULL;
}

static const struct object *namespace_of(const struct planner *p)
{
	return config_set_get(p->set, KIND_NAMESPACE, "", p->owner->namespace);
}

bool split_is_asked(struct planner *p, const struct object *vs, struct plan_source *out)
{
	const struct object *from[] = {vs, p->owner, namespace_of(p)};
	const char *value = key_ask(p, from, 3, "shunt.io/split", out);

	if (!value && p->set->split_requests)
		*out = (struct plan_source){p->owner, "--http-split=request", p->owner->place};
	else if (!value || strcmp(value, "request"))
		return false;
	host_use(p, (struct object *)out->object); /* the namespace is of nobody else's use */
	return true;
}

bool refusal_is_asked(struct planner *p, const struct object *vs)
{
	const struct object *from[] = {vs, p->owner};
	struct plan_source source;
	const char *value = key_ask(p, from, 2, "shunt.io/on-proxy-failure", &source);

	return value && !strcmp(value, "refuse");
}

/* "keep", "now" or a duration, as decoding has checked. */
static void drain_set(struct planner *p, struct plan_drain *out, const struct object *vs)
{
	const struct object *from[] = {vs, p->owner};
	const char *value = key_ask(p, from, 2, "shunt.io/drain", &out->from);

	out->how = DRAIN_KEEP;
	if (!value || !strcmp(value, "keep"))
		return;
	out->how = DRAIN_NOW;
	if (!strcmp(value, "now") || duration_parse(value, &out->within))
		return;
	out->how = DRAIN_WITHIN;
}

static bool is_split_by(const struct plan_route *r, const struct object *vs)
{
	return r->nr_splits > 1 && !strcmp(r->object, vs->id);
}

static void guard_set(struct planner *p, struct plan_port *out, const struct object *vs)
{
	struct plan_guard *guard = &out->guard;
	const char *value = key_ask(p, &vs, 1, "shunt.io/guard", &guard->from);
	bool split = vs && is_split_by(&out->route, vs);

	for (size_t i = 0; vs && i < out->nr_branches; i++)
		split |= is_split_by(&out->branches[i].route, vs);
	if (!value || !split || !guard_parse(value, &guard->percent, &guard->window)) {
		*guard = (struct plan_guard){.from.field = ""};
		return;
	}
	if (out->verdict == VERDICT_KERNEL && out->protocol != PROTOCOL_UDP)
		return;
	host_find(p, DIAG_NOTICE, &guard->from.place, guard->from.object, guard->from.field,
		  "watches connects that the kernel splits: port %u is %s", out->port,
		  out->protocol == PROTOCOL_UDP ? "of UDP" : "for the proxy");
	*guard = (struct plan_guard){.from.field = ""};
}

static bool splice_is_asked(struct planner *p)
{
	const struct object *from[] = {p->owner, namespace_of(p)};
	struct plan_source source;
	const char *value = key_ask(p, from, 2, "shunt.io/splice", &source);

	return value && !strcmp(value, "on");
}

void wishes_set(struct planner *p, struct plan_port *out, const struct object *vs)
{
	drain_set(p, &out->drain, vs);
	guard_set(p, out, vs);
	out->splice = out->protocol != PROTOCOL_UDP && splice_is_asked(p);
}
