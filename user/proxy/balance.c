// SPDX-License-Identifier: GPL-2.0
/* Picks endpoints: least requests of two, in rotation, or at random; never one that is ejected. */
#include "proxy/balance.h"

#define PICKS_BESIDE_TRIED 6 /* Envoy looks five times more */

/* The share of health below which ejections do not count. */
static bool panics(const struct destination *d)
{
	const struct table_outlier *o = d->table->outlier;
	size_t nr = d->table->nr_endpoints;
	unsigned ejected = atomic_load_explicit(&d->cluster->ejected, memory_order_relaxed);

	return o && ejected && (nr - ejected) * 100 < nr * (size_t)o->min_health_percent;
}

static bool usable(const struct endpoint *e)
{
	return !atomic_load_explicit(&e->ejected_until, memory_order_relaxed);
}

/* The endpoint whose share of the weights holds `point`. */
static size_t at_weight(const struct destination *d, uint32_t point)
{
	size_t low = 0, high = d->table->nr_endpoints - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (d->upto[middle] > point)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static uint32_t weights_sum(const struct destination *d)
{
	size_t nr = d->table->nr_endpoints;

	return d->upto ? d->upto[nr - 1] : (uint32_t)nr;
}

static size_t random_pick(struct worker *w, const struct destination *d)
{
	uint32_t point = (uint32_t)((worker_random(w) >> 32) * weights_sum(d) >> 32);

	return d->upto ? at_weight(d, point) : point;
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Strides near the golden ratio spread the turns of each; over a whole round shares are exact. */
static size_t rotation_pick(const struct destination *d)
{
	uint64_t n = atomic_fetch_add_explicit(&d->cluster->rotation, 1, memory_order_relaxed);
	uint32_t sum = weights_sum(d), stride;

	if (!d->upto)
		return n % sum;
	stride = (uint32_t)(sum * 0.618) ? (uint32_t)(sum * 0.618) : 1;
	while (common_divisor(stride, sum) != 1)
		stride++;
	return at_weight(d, (uint32_t)(n % sum * stride % sum));
}

static bool is_tried(const struct endpoint *e, struct endpoint *const *tried, size_t nr)
{
	for (size_t i = 0; i < nr && tried[i]; i++)
		if (tried[i] == e)
			return true;
	return false;
}

static struct endpoint *pick_once(struct worker *w, const struct destination *d, bool all)
{
	struct endpoint *one, *other;

	if (d->table->balancer == BALANCE_ROUND_ROBIN)
		return d->endpoints[rotation_pick(d)];
	one = d->endpoints[random_pick(w, d)];
	if (d->table->balancer == BALANCE_RANDOM)
		return one;
	other = d->endpoints[random_pick(w, d)];
	if (!all && (!usable(one) || !usable(other)))
		return usable(one) ? one : other;
	return atomic_load_explicit(&other->active, memory_order_relaxed) <
			       atomic_load_explicit(&one->active, memory_order_relaxed)
		       ? other
		       : one;
}

/* The first that takes part, from a random one on. */
static struct endpoint *any_usable(struct worker *w, const struct destination *d)
{
	size_t nr = d->table->nr_endpoints, from = worker_random(w) % nr;

	for (size_t i = 0; i < nr; i++)
		if (usable(d->endpoints[(from + i) % nr]))
			return d->endpoints[(from + i) % nr];
	return NULL;
}

struct endpoint *balance_pick(struct worker *w, const struct destination *d,
			      struct endpoint *const *tried, size_t nr)
{
	struct endpoint *found = NULL;
	bool all;

	if (!d->table->nr_endpoints)
		return NULL;
	all = panics(d);
	for (int i = 0; i < PICKS_BESIDE_TRIED; i++) {
		struct endpoint *e = pick_once(w, d, all);

		if (!all && !usable(e))
			continue;
		found = e;
		if (!is_tried(e, tried, nr))
			break;
	}
	return found ? found : any_usable(w, d);
}
