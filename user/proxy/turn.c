// SPDX-License-Identifier: GPL-2.0
/* The position of each rule in its schedule, kept by the rule's source and its weights. */
#include "proxy/turn.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"

static char *turn_key(const struct table_rule *r)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs(r->source, out);
	for (size_t i = 0; i < r->nr_splits; i++)
		fprintf(out, "\n%u %s", r->splits[i].weight, r->splits[i].cluster->name);
	fclose(out);
	return text;
}

struct turn *turn_get(struct strmap *all, const struct table_rule *r)
{
	struct turn *t;
	char *key;

	if (!r->schedule)
		return NULL;
	key = turn_key(r);
	t = strmap_get(all, key);
	if (!t) {
		t = xcalloc(1, sizeof(*t));
		strmap_put(all, key, t);
	}
	t->refs++;
	free(key);
	return t;
}

void turns_sweep(struct strmap *all)
{
	struct strmap kept = {0};
	const struct strmap_entry *e;

	strmap_each (all, e) {
		struct turn *t = e->value;

		if (t->refs)
			strmap_put(&kept, e->key, t);
		else
			free(t);
	}
	strmap_free(all);
	*all = kept;
}

size_t turn_take(struct turn *t, const struct table_rule *r)
{
	uint64_t n;

	if (!t)
		return 0;
	n = atomic_fetch_add_explicit(&t->next, 1, memory_order_relaxed);
	return r->schedule[n % r->total];
}
