// SPDX-License-Identifier: GPL-2.0
/* Who calls, as people write it: "namespace/pod" or "namespace". */
#include <stdlib.h>
#include <string.h>
#include "plan/plan.h"

/* Callers of a namespace that no rule tells apart by more. */
static const struct plan_scope *scope_of_namespace(const struct plan *p, const char *namespace)
{
	struct strmap_entry *e;

	strmap_each(&p->scopes, e) {
		const struct plan_scope *s = e->value;

		if (!strcmp(s->namespace, namespace) && !s->labels.nr)
			return s;
	}
	return NULL;
}

const struct plan_scope *plan_scope_from(const struct plan *p, const struct config_set *set,
					 const char *from, const struct object **pod)
{
	const char *slash = strchr(from, '/');
	char *namespace = xstrndup(from, strcspn(from, "/"));
	const struct object *o = slash ? config_set_get(set, KIND_POD, namespace, slash + 1) : NULL;
	const struct plan_scope *scope = NULL;

	if (o)
		scope = plan_scope_of(p, o);
	else if (!slash)
		scope = scope_of_namespace(p, from);
	if (pod)
		*pod = o;
	free(namespace);
	return scope;
}
