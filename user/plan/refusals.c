// SPDX-License-Identifier: GPL-2.0
/* Which callers are refused what is no host of theirs, as lines of a plan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"

static int scope_order(const void *a, const void *b)
{
	return strcmp((*(const struct plan_scope *const *)a)->key,
		      (*(const struct plan_scope *const *)b)->key);
}

bool refusals_print(const struct plan *p, const struct plan_filter *filter, bool first, FILE *out)
{
	const struct plan_scope **sorted = xcalloc(p->scopes.nr + 1, sizeof(*sorted));
	struct strmap_entry *e;
	size_t nr = 0;

	strmap_each(&p->scopes, e) {
		const struct plan_scope *s = e->value;

		if (s->registry_only && (!filter->from || filter->scope == s) &&
		    (!filter->namespace || !strcmp(filter->namespace, s->namespace)))
			sorted[nr++] = s;
	}
	qsort(sorted, nr, sizeof(*sorted), scope_order);
	for (size_t i = 0; i < nr; i++)
		fprintf(out, "%sfrom %s: other addresses are refused, REGISTRY_ONLY by %s\n",
			!i && !first ? "\n" : "", sorted[i]->key, sorted[i]->sidecar->id);
	free(sorted);
	return first && !nr;
}
