// SPDX-License-Identifier: GPL-2.0
/* The set of all objects in force. */
#include <stdlib.h>
#include <string.h>
#include "config/set.h"

/* "namespace/name"; the caller frees. */
static char *key_of(const char *namespace, const char *name)
{
	return xasprintf("%s/%s", namespace, name);
}

static void kind_free(struct config_set *s, int k)
{
	struct strmap_entry *e;

	if (s->sharers[k] && --*s->sharers[k]) {
		memset(&s->kinds[k], 0, sizeof(s->kinds[k]));
	} else {
		strmap_each(&s->kinds[k], e)
			object_put(e->value);
		strmap_free(&s->kinds[k]);
		free(s->sharers[k]);
	}
	s->sharers[k] = NULL;
}

void config_set_free(struct config_set *s)
{
	for (int k = 0; k < NR_KINDS; k++)
		kind_free(s, k);
}

/* Both sets get the count by which the last one knows that the map is its own. */
void config_set_copy(struct config_set *to, const struct config_set *from)
{
	struct config_set *shared = (struct config_set *)from; /* what it holds stays the same */

	to->node = from->node;
	to->split_requests = from->split_requests;
	for (int k = 0; k < NR_KINDS; k++) {
		if (!shared->sharers[k]) {
			shared->sharers[k] = xcalloc(1, sizeof(*shared->sharers[k]));
			*shared->sharers[k] = 1;
		}
		++*shared->sharers[k];
		to->kinds[k] = shared->kinds[k];
		to->sharers[k] = shared->sharers[k];
	}
}

/* A map of its own, before it changes. */
static struct strmap *kind_own(struct config_set *s, enum kind k)
{
	struct strmap own = {0};
	struct strmap_entry *e;

	if (!s->sharers[k] || *s->sharers[k] == 1)
		return &s->kinds[k];
	strmap_copy(&own, &s->kinds[k]);
	strmap_each(&own, e)
		object_get(e->value);
	kind_free(s, (int)k);
	s->kinds[k] = own;
	return &s->kinds[k];
}

void config_set_put(struct config_set *s, struct object *o)
{
	char *key = key_of(o->namespace, o->name);

	object_put(strmap_put(kind_own(s, o->kind), key, o));
	free(key);
}

struct object *config_set_get(const struct config_set *s, enum kind kind, const char *namespace,
			      const char *name)
{
	char *key = key_of(kinds[kind].cluster_wide ? "" : namespace, name);
	struct object *o = strmap_get(&s->kinds[kind], key);

	free(key);
	return o;
}

bool config_set_remove(struct config_set *s, enum kind kind, const char *namespace,
		       const char *name)
{
	char *key = key_of(kinds[kind].cluster_wide ? "" : namespace, name);
	struct object *o = strmap_remove(kind_own(s, kind), key);

	free(key);
	object_put(o);
	return o;
}

size_t config_set_count(const struct config_set *s)
{
	size_t nr = 0;

	for (int k = 0; k < NR_KINDS; k++)
		nr += s->kinds[k].nr;
	return nr;
}
