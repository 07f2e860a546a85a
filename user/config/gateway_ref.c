// SPDX-License-Identifier: GPL-2.0
/* References to gateways, in the gateways of a VirtualService and of its matches. */
#include <string.h>
#include "config/names.h"
#include "config/route.h"

static const char want[] = "want name or namespace/name";

/* "name.namespace.svc..." of old is "namespace/name". */
static const char *old_form(struct decoder *d, const char *text)
{
	const char *dot = strchr(text, '.');

	return arena_printf(d->arena, "%.*s/%.*s", (int)strcspn(dot + 1, "."), dot + 1,
			    (int)(dot - text), text);
}

static const char *resolve(struct decoder *d, const char *text)
{
	if (!strncmp(text, "./", 2))
		return arena_printf(d->arena, "%s/%s", d->object->namespace, text + 2);
	if (strchr(text, '/') || !strcmp(text, "mesh"))
		return text;
	if (strchr(text, '.'))
		return old_form(d, text);
	return arena_printf(d->arena, "%s/%s", d->object->namespace, text);
}

static void check_short(struct decoder *d, const struct node *n)
{
	if (!name_is_fqdn(n->text))
		decode_error(d, n, "%s is no gateway, %s", quoted(d, n), want);
	else if (strchr(n->text, '.'))
		decode_warning(d, n, "%s is the old form, want %s", quoted(d, n),
			       old_form(d, n->text));
}

static bool is_pair(struct decoder *d, const char *text)
{
	const char *slash = strchr(text, '/');

	return slash && name_is_label(slash + 1) &&
	       name_is_label(arena_strndup(d->arena, text, (size_t)(slash - text)));
}

/* Istio looks no further than to the first entry without a slash: what follows only warns. */
static void check_refs(struct decoder *d, const struct node *list)
{
	const struct node *it;
	bool loose = false;

	node_each(list, it) {
		const char *text = it->type == NODE_STRING ? it->text : NULL;

		if (!text)
			continue;
		if (!loose && !strchr(text, '/')) {
			check_short(d, it);
			loose = true;
		} else if (!loose && !is_pair(d, text)) {
			decode_error(d, it, "%s is no gateway, %s", quoted(d, it), want);
		} else if (loose && !is_pair(d, resolve(d, text)) && strcmp(text, "mesh")) {
			decode_warning(d, it, "%s is no gateway, %s", quoted(d, it), want);
		}
	}
}

void gateway_refs_set(struct decoder *d, const struct node *list, const char **refs, size_t nr)
{
	check_refs(d, list);
	for (size_t i = 0; i < nr; i++)
		refs[i] = refs[i] ? resolve(d, refs[i]) : "";
}
