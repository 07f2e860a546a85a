// SPDX-License-Identifier: GPL-2.0
/* Makes rosters. */
#include "proxy/roster.h"
#include <stdlib.h>

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Near the golden ratio, which spreads the turns of each; no divisor in common, so that a whole
 * round has each turn once. */
static uint32_t stride_of(uint32_t sum)
{
	uint32_t stride = (uint32_t)(sum * 0.618) ? (uint32_t)(sum * 0.618) : 1;

	while (common_divisor(stride, sum) != 1)
		stride++;
	return stride;
}

static size_t nr_levels(const struct table_cluster *t)
{
	unsigned last = 0;

	for (size_t i = 0; i < t->nr_endpoints; i++)
		last = t->endpoints[i].priority > last ? t->endpoints[i].priority : last;
	return last + 1;
}

static void health_count(const struct destination *d, struct roster *r, bool everyone)
{
	const struct table_cluster *t = d->table;
	size_t usable = 0;

	for (size_t i = 0; i < t->nr_endpoints; i++) {
		struct priority *p = &r->priorities[t->endpoints[i].priority];
		bool takes_part = everyone || endpoint_takes_part(d->endpoints[i]);

		p->total++;
		p->usable += takes_part;
		usable += takes_part;
	}
	/* where another priority can take over, nobody unhealthy has to */
	r->panics = t->outlier &&
		    usable * 100 < t->nr_endpoints * (size_t)t->outlier->min_health_percent &&
		    !(r->nr > 1 && priorities_suffice(r->priorities, r->nr));
}

static void level_fill(struct level *l, const struct destination *d, size_t priority, bool all)
{
	const struct table_cluster *t = d->table;

	for (size_t i = 0; i < t->nr_endpoints; i++) {
		const struct table_endpoint *e = &t->endpoints[i];

		if (e->priority != priority || !e->weight ||
		    (!all && !endpoint_takes_part(d->endpoints[i])))
			continue;
		l->at[l->nr] = d->endpoints[i];
		l->weights[l->nr++] = e->weight;
	}
}

static void level_sum(struct level *l)
{
	uint32_t sum = 0;
	bool same = true;

	for (uint32_t i = 0; i < l->nr; i++)
		same = same && l->weights[i] == l->weights[0];
	l->sum = l->nr;
	if (same)
		return;
	l->upto = xcalloc(l->nr, sizeof(*l->upto));
	for (uint32_t i = 0; i < l->nr; i++)
		l->upto[i] = sum += l->weights[i];
	l->sum = sum;
	l->stride = stride_of(sum);
}

/* In panic those who are ejected count as healthy. */
static void loads_set(struct roster *r)
{
	uint8_t *loads = xcalloc(r->nr, 1);

	if (r->panics)
		for (size_t i = 0; i < r->nr; i++)
			r->priorities[i].usable = r->priorities[i].total;
	priority_loads(r->priorities, r->nr, 0, loads);
	for (size_t i = 0; i < r->nr; i++)
		r->levels[i].load = loads[i];
	free(loads);
}

struct roster *roster_new(const struct destination *d, bool everyone)
{
	size_t nr = nr_levels(d->table);
	struct roster *r = xcalloc(1, sizeof(*r) + nr * sizeof(r->levels[0]));

	r->nr = nr;
	r->priorities = xcalloc(nr, sizeof(*r->priorities));
	r->health = atomic_load_explicit(&d->cluster->health, memory_order_acquire);
	health_count(d, r, everyone);
	for (size_t i = 0; i < nr; i++) {
		struct level *l = &r->levels[i];
		uint32_t most = r->priorities[i].total;

		l->at = xcalloc(most, sizeof(*l->at));
		l->weights = xcalloc(most, sizeof(*l->weights));
		level_fill(l, d, i, everyone || r->panics);
		level_sum(l);
	}
	loads_set(r);
	return r;
}

void roster_free(struct roster *r)
{
	for (size_t i = 0; r && i < r->nr; i++) {
		free(r->levels[i].at);
		free(r->levels[i].weights);
		free(r->levels[i].upto);
		edf_free(&r->levels[i].edf);
	}
	if (r)
		free(r->priorities);
	free(r);
}
