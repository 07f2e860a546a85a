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

	fprintf(out, "%u\n%s", r->turn, r->source);
	for (size_t i = 0; i < r->nr_splits; i++)
		fprintf(out, "\n%u %s", r->splits[i].weight, r->splits[i].cluster->name);
	fclose(out);
	return text;
}

static struct turn *turn_new(const struct turns *all, uint32_t slot)
{
	struct turn *t = xcalloc(1, sizeof(*t));

	t->given = &t->own;
	if (!all->shared || !slot || slot >= SHUNT_MAX_PROXY_TURNS)
		return t;
	t->slot = slot;
	t->given = &all->shared[slot];
	return t;
}

struct turn *turn_get(struct turns *all, const struct table_rule *r)
{
	struct turn *t;
	char *key;

	if (!r->schedule)
		return NULL;
	key = turn_key(r);
	t = strmap_get(&all->all, key);
	if (t) {
		free(key);
	} else {
		t = turn_new(all, r->turn);
		t->key = key;
		strmap_put(&all->all, key, t);
	}
	t->refs++;
	return t;
}

void turn_put(struct turns *all, struct turn *t)
{
	if (--t->refs)
		return;
	strmap_remove(&all->all, t->key);
	free(t->key);
	free(t);
}

size_t turn_take(struct turn *t, const struct table_rule *r)
{
	uint64_t n;

	if (!t)
		return 0;
	n = __atomic_fetch_add(&t->given->next, 1, __ATOMIC_RELAXED);
	return r->schedule[n % r->total];
}
