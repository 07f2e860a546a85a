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

void config_set_free(struct config_set *s)
{
	struct strmap_entry *e;

	for (int k = 0; k < NR_KINDS; k++) {
		strmap_each(&s->kinds[k], e)
			object_put(e->value);
		strmap_free(&s->kinds[k]);
	}
}

void config_set_copy(struct config_set *to, const struct config_set *from)
{
	struct strmap_entry *e;

	for (int k = 0; k < NR_KINDS; k++) {
		strmap_copy(&to->kinds[k], &from->kinds[k]);
		strmap_each(&to->kinds[k], e)
			object_get(e->value);
	}
}

void config_set_put(struct config_set *s, struct object *o)
{
	char *key = key_of(o->namespace, o->name);

	object_put(strmap_put(&s->kinds[o->kind], key, o));
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
	struct object *o = strmap_remove(&s->kinds[kind], key);

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
