// SPDX-License-Identifier: GPL-2.0
/*
 * Picks endpoints: a priority by the health of all, then one of its endpoints by the policy.
 * While nobody is ejected, endpoints weigh the same and are warm, no state of a worker is needed.
 */
#include "proxy/balance.h"
#include <stdlib.h>
#include "proxy/chart.h"
#include "proxy/roster.h"
#include "proxy/warmup.h"

#define PICKS_BESIDE_TRIED 6 /* Envoy looks five times more */
#define PLACES_BESIDE_TRIED 64

struct balance {
	struct roster *everyone;
	struct chart **charts; /* of each level, NULL without endpoints; NULL: nothing is hashed */
	int64_t warm;	       /* from when on all endpoints are, ns */
	bool uneven;	       /* their weights differ within a priority */
	unsigned nr_workers;
	struct roster *of_worker[]; /* NULL: none so far */
};

/* ---- made and freed ---- */

static bool hashes(const struct table_cluster *t)
{
	return t->balancer == BALANCE_RING || t->balancer == BALANCE_MAGLEV;
}

static struct chart *chart_of(struct clusters *all, const struct destination *d,
			      const struct level *l)
{
	struct chart_member *members = xcalloc(l->nr, sizeof(*members));
	struct chart *chart = NULL;

	for (uint32_t i = 0; i < l->nr; i++) {
		inet_print_port(&l->at[i]->address, l->at[i]->port, members[i].key);
		members[i].weight = l->weights[i];
	}
	if (l->nr)
		chart = chart_get(all, d->cluster, d->table, members, l->nr);
	free(members);
	return chart;
}

struct balance *balance_new(struct clusters *all, const struct destination *d)
{
	const struct table_warmup *warmup = d->table->warmup;
	size_t size = sizeof(struct balance) + all->nr_workers * sizeof(struct roster *);
	struct balance *b = xcalloc(1, size);
	struct roster *r = b->everyone = roster_new(d, true);

	b->nr_workers = all->nr_workers;
	if (hashes(d->table))
		b->charts = xcalloc(r->nr, sizeof(*b->charts));
	for (size_t i = 0; i < r->nr; i++) {
		b->uneven |= r->levels[i].upto != NULL;
		if (b->charts)
			b->charts[i] = chart_of(all, d, &r->levels[i]);
	}
	for (size_t i = 0; warmup && i < d->table->nr_endpoints; i++) {
		int64_t since = d->endpoints[i]->since;

		if (since && since + warmup->duration > b->warm)
			b->warm = since + warmup->duration;
	}
	return b;
}

void balance_free(struct clusters *all, const struct destination *d, struct balance *b)
{
	for (size_t i = 0; b->charts && i < b->everyone->nr; i++)
		if (b->charts[i])
			chart_put(all, d->cluster, b->charts[i]);
	free(b->charts);
	for (unsigned i = 0; i < b->nr_workers; i++)
		roster_free(b->of_worker[i]);
	roster_free(b->everyone);
	free(b);
}

/* ---- who takes part ---- */

static bool takes_turns(const struct worker *w, const struct destination *d)
{
	if (d->table->balancer == BALANCE_LEAST_REQUEST)
		return d->balance->uneven || w->now < d->balance->warm;
	return d->table->balancer == BALANCE_ROUND_ROBIN && w->now < d->balance->warm;
}

static struct roster *roster_of(const struct worker *w, const struct destination *d)
{
	struct roster **own = &d->balance->of_worker[w->index];
	unsigned health = atomic_load_explicit(&d->cluster->health, memory_order_acquire);

	if (!atomic_load_explicit(&d->cluster->ejected, memory_order_relaxed) && !takes_turns(w, d))
		return d->balance->everyone;
	if (!*own || (*own)->health != health) {
		roster_free(*own);
		*own = roster_new(d, false);
	}
	return *own;
}

static size_t level_choose(struct worker *w, const struct roster *r,
			   const struct balance_wish *wish)
{
	unsigned point = (unsigned)((wish->has_hash ? wish->hash : worker_random(w) >> 32) % 100);
	uint8_t loads[PRIORITIES_AVOIDED];
	bool avoids = wish->avoided && r->nr <= PRIORITIES_AVOIDED;
	unsigned upto = 0;

	if (avoids)
		priority_loads(r->priorities, r->nr, wish->avoided, loads);
	for (size_t i = 0; i < r->nr; i++) {
		upto += avoids ? loads[i] : r->levels[i].load;
		if (point < upto)
			return i;
	}
	return 0;
}

uint32_t balance_priorities(const struct destination *d, struct endpoint *const *of, size_t nr)
{
	uint32_t out = 0;

	for (size_t i = 0; i < nr && of[i]; i++)
		for (size_t j = 0; j < d->table->nr_endpoints; j++)
			if (d->endpoints[j] == of[i] &&
			    d->table->endpoints[j].priority < PRIORITIES_AVOIDED)
				out |= 1u << d->table->endpoints[j].priority;
	return out;
}

/* ---- one of them ---- */

/* The endpoint whose share of the weights holds `point`. */
static uint32_t at_weight(const struct level *l, uint32_t point)
{
	uint32_t low = 0, high = l->nr - 1;

	while (l->upto && low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (l->upto[middle] > point)
			high = middle;
		else
			low = middle + 1;
	}
	return l->upto ? low : point;
}

static uint32_t random_pick(struct worker *w, const struct level *l)
{
	return at_weight(l, (uint32_t)((worker_random(w) >> 32) * l->sum >> 32));
}

static uint32_t rotation_pick(const struct destination *d, const struct level *l, size_t which)
{
	uint64_t n = atomic_fetch_add_explicit(&d->cluster->rotation[which % CLUSTER_ROTATIONS], 1,
					       memory_order_relaxed);

	if (!l->upto)
		return (uint32_t)(n % l->sum);
	return at_weight(l, (uint32_t)(n % l->sum * l->stride % l->sum));
}

static unsigned active(const struct endpoint *e)
{
	return atomic_load_explicit(&e->active, memory_order_relaxed);
}

/* Of two different ones, as in the kernel: who holds what it got is passed by. */
static uint32_t least_pick(struct worker *w, const struct level *l)
{
	uint32_t one = random_pick(w, l), other;

	if (l->nr == 1)
		return one;
	other = (one + 1 + (uint32_t)((worker_random(w) >> 32) % (l->nr - 1))) % l->nr;
	return active(l->at[other]) < active(l->at[one]) ? other : one;
}

static double turn_weight(const struct worker *w, const struct destination *d,
			  const struct level *l, uint32_t i)
{
	double weight = l->weights[i];

	if (d->table->warmup)
		weight *= warmup_factor(d->table->warmup, l->at[i]->since, w->now);
	if (d->table->balancer == BALANCE_LEAST_REQUEST)
		weight /= active(l->at[i]) + 1;
	return weight;
}

static uint32_t turn_serve(struct worker *w, const struct destination *d, struct level *l)
{
	uint32_t i = edf_next(&l->edf);

	edf_served(&l->edf, turn_weight(w, d, l, i));
	return i;
}

/* Workers begin at different places, or all of them would ask the first one first. */
static void turns_begin(struct worker *w, const struct destination *d, struct level *l)
{
	for (uint32_t i = 0; i < l->nr; i++)
		edf_add(&l->edf, i, turn_weight(w, d, l, i));
	for (uint64_t n = worker_random(w) % l->nr; n; n--)
		turn_serve(w, d, l);
}

static uint32_t turn_pick(struct worker *w, const struct destination *d, struct level *l)
{
	if (!l->edf.heap.nr)
		turns_begin(w, d, l);
	return turn_serve(w, d, l);
}

static struct endpoint *pick_once(struct worker *w, const struct destination *d, struct roster *r,
				  size_t which)
{
	struct level *l = &r->levels[which];

	if (takes_turns(w, d))
		return l->at[turn_pick(w, d, l)];
	if (d->table->balancer == BALANCE_ROUND_ROBIN)
		return l->at[rotation_pick(d, l, which)];
	if (d->table->balancer == BALANCE_LEAST_REQUEST)
		return l->at[least_pick(w, l)];
	return l->at[random_pick(w, l)];
}

/* ---- beside those that were tried ---- */

static bool is_tried(const struct endpoint *e, const struct balance_wish *wish)
{
	for (size_t i = 0; i < wish->nr_tried && wish->tried[i]; i++)
		if (wish->tried[i] == e)
			return true;
	return false;
}

/* From a random one on, so that not all go to one. */
static struct endpoint *any_untried(struct worker *w, const struct level *l,
				    const struct balance_wish *wish)
{
	uint32_t from = (uint32_t)(worker_random(w) % l->nr);

	for (uint32_t i = 0; i < l->nr; i++)
		if (!is_tried(l->at[(from + i) % l->nr], wish))
			return l->at[(from + i) % l->nr];
	return NULL;
}

static struct endpoint *policy_pick(struct worker *w, const struct destination *d, struct roster *r,
				    size_t which, const struct balance_wish *wish)
{
	struct endpoint *e = NULL, *other;

	for (int i = 0; i < PICKS_BESIDE_TRIED; i++) {
		e = pick_once(w, d, r, which);
		if (!is_tried(e, wish))
			return e;
	}
	other = any_untried(w, &r->levels[which], wish);
	return other ? other : e;
}

/* Along the places from that of the hash: the first one that takes part, and was not tried. */
static struct endpoint *hash_pick(const struct destination *d, const struct roster *r, size_t which,
				  const struct balance_wish *wish)
{
	const struct level *all = &d->balance->everyone->levels[which];
	const struct chart *chart = d->balance->charts[which];
	uint32_t place = chart_find(chart, wish->hash);
	struct endpoint *first = NULL;

	for (uint32_t i = 0, more = 0; i < chart->nr && more < PLACES_BESIDE_TRIED; i++) {
		struct endpoint *e = all->at[chart_at(chart, place)];

		place = place + 1 < chart->nr ? place + 1 : 0;
		if (!r->panics && !endpoint_takes_part(e))
			continue;
		if (!is_tried(e, wish))
			return e;
		first = first ? first : e;
		more++;
	}
	return first;
}

struct endpoint *balance_pick(struct worker *w, const struct destination *d,
			      const struct balance_wish *wish)
{
	static const struct balance_wish none;
	struct roster *r;
	size_t which;

	wish = wish ? wish : &none;
	r = roster_of(w, d);
	which = r->nr > 1 ? level_choose(w, r, wish) : 0;
	if (!r->levels[which].nr)
		return NULL;
	if (wish->has_hash && d->balance->charts)
		return hash_pick(d, r, which, wish);
	return policy_pick(w, d, r, which, wish);
}
