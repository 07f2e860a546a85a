// SPDX-License-Identifier: GPL-2.0
/* Counts by rule and destination. */
#include "proxy/tally.h"
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

struct tally *tally_get(struct strmap *all, const char *rule, const char *cluster,
			unsigned nr_workers)
{
	char *key = xasprintf("%s\n%s", rule, cluster);
	struct tally *t = strmap_get(all, key);
	size_t size = nr_workers * sizeof(*t->of_worker);

	if (!t) {
		t = xcalloc(1, sizeof(*t));
		t->rule = xstrdup(rule);
		t->cluster = xstrdup(cluster);
		t->nr_workers = nr_workers;
		t->of_worker = aligned_alloc(_Alignof(struct tally_counts), size);
		if (!t->of_worker)
			abort();
		memset(t->of_worker, 0, size);
		strmap_put(all, key, t);
	}
	t->refs++;
	free(key);
	return t;
}

static void tally_free(struct tally *t)
{
	free(t->rule);
	free(t->cluster);
	free(t->of_worker);
	free(t);
}

void tallies_sweep(struct strmap *all)
{
	struct strmap kept = {0};
	const struct strmap_entry *e;

	strmap_each (all, e) {
		struct tally *t = e->value;

		if (t->refs)
			strmap_put(&kept, e->key, t);
		else
			tally_free(t);
	}
	strmap_free(all);
	*all = kept;
}

static void sum(atomic_uint_least64_t *to, const atomic_uint_least64_t *from)
{
	tally_add(to, atomic_load_explicit(from, memory_order_relaxed));
}

void tally_sum(const struct tally *t, struct tally_counts *to)
{
	memset(to, 0, sizeof(*to));
	for (unsigned w = 0; w < t->nr_workers; w++) {
		const struct tally_counts *from = &t->of_worker[w];

		sum(&to->requests, &from->requests);
		sum(&to->retries, &from->retries);
		sum(&to->bytes_received, &from->bytes_received);
		sum(&to->bytes_sent, &from->bytes_sent);
		for (unsigned i = 0; i < 6; i++)
			sum(&to->by_class[i], &from->by_class[i]);
		for (unsigned i = 0; i < NR_FLAGS; i++)
			sum(&to->by_flag[i], &from->by_flag[i]);
	}
}
