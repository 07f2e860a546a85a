/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Picks while some endpoints are ejected or warm up: a level by the health of all, then one of its
 * endpoints by the policy, again until one takes part. A part of pick.h.
 */
#ifndef BPF_PICK_SOME_H
#define BPF_PICK_SOME_H

#include "pick_warm.h"

/* What an endpoint is picked by: see pick_endpoint. */
struct pick {
	const struct cluster *cluster;
	__u64 *next;
	__u64 random;
	__u64 now;
	__u32 ipv6;
	__u8 level;  /* chosen by the health of all */
	__u8 panics; /* so few are healthy that ejection does not count */
	__u8 none;   /* nobody takes part */
	__u8 zero;
};

/* How many of a pool are not ejected. */
struct pick_count {
	__u64 now;
	__u32 first;
	__u32 usable;
};

static long pick_count_one(__u32 i, void *arg)
{
	struct pick_count *c = arg;
	const struct endpoint *e = read_endpoint(c->first + i);

	c->usable += e && !read_out(e, c->now);
	return 0;
}

/* Which percents of all that comes each level can take, and which level takes `point` of 100. */
struct pick_levels {
	const struct pick *p;
	__u32 usable, total, sum;
	__u32 nr;
	__u32 point, upto;
	__u32 first; /* level that takes anything, and with it what rounding leaves */
	__u32 found;
	__u8 can[SHUNT_MAX_LEVELS];
};

static long pick_level_one(__u32 i, void *arg)
{
	struct pick_levels *l = arg;
	const struct pool *pool = read_pool(l->p->cluster->first_pool + 2 * i + l->p->ipv6);
	struct pick_count c = {.now = l->p->now};
	__u32 share;

	if (!pool || !pool->nr)
		return 1;
	c.first = pool->first;
	pick_loop(pool->nr, pick_count_one, &c);
	share = (__u64)PICK_SPARE_PERCENT * c.usable / pool->nr;
	share = share < 100 ? share : 100;
	l->can[i % SHUNT_MAX_LEVELS] = share;
	l->sum += share;
	l->usable += c.usable;
	l->total += pool->nr;
	l->nr++;
	return 0;
}

static long pick_spill_one(__u32 i, void *arg)
{
	struct pick_levels *l = arg;
	__u32 part = l->can[i % SHUNT_MAX_LEVELS] * 100U / (l->sum ? l->sum : 1);

	if (part && l->first == PICK_NONE)
		l->first = i;
	l->upto += part;
	if (l->point >= l->upto)
		return 0;
	l->found = i;
	return 1;
}

/*
 * Each level takes 1.4 times its healthy share of what the ones before it have left, as Envoy has
 * it. A function of its own, as are the next two: all together need more stack than there is. And
 * the steps of loops are functions, as the verifier walks through those once.
 */
pick_noinline void pick_level(struct pick *p)
{
	struct pick_levels l = {.p = p, .point = p->random % 100, .first = PICK_NONE,
				.found = PICK_NONE};

	pick_loop(p->cluster->nr_levels, pick_level_one, &l);
	l.sum = l.sum < 100 ? l.sum : 100;
	p->panics = l.usable * 100ULL < (__u64)l.total * p->cluster->min_health &&
		    !(l.nr > 1 && l.sum == 100);
	p->none = !l.usable && !p->panics;
	if (!l.sum || p->panics)
		return;
	pick_loop(l.nr, pick_spill_one, &l);
	if (l.found == PICK_NONE)
		l.found = l.first;
	p->level = l.found < SHUNT_MAX_LEVELS ? l.found : 0;
}

pick_inline const struct pool *pick_pool(const struct pick *p)
{
	const struct pool *pool;

	if (p->none)
		return 0;
	pool = read_pool(p->cluster->first_pool + 2 * p->level + p->ipv6);
	return pool && pool->nr ? pool : 0;
}

pick_inline int pick_takes_part(const struct pick *p, const struct endpoint *e)
{
	return e && (p->panics || !read_out(e, p->now));
}

struct pick_try {
	struct pick *p;
	const struct pool *pool;
	__u32 places;
	__u32 place; /* of a hash: the next one */
	__u32 found;
	__u32 cold; /* the last one that takes part and was not warm enough */
};

/* From the place of the hash on, so that all whose endpoint is out do not go to one. */
static long pick_hash_one(__u32 i, void *arg)
{
	struct pick_try *t = arg;
	__u32 slot = pick_at(t->pool, (t->place + i) % t->places);

	if (!pick_takes_part(t->p, read_endpoint(slot)))
		return 0;
	t->found = slot;
	return 1;
}

/* One that takes part, and by chance is warm enough. */
static long pick_warm_one(__u32 i, void *arg)
{
	struct pick_try *t = arg;
	struct pick *p = t->p;
	__u32 place = p->cluster->policy == POLICY_ROUND_ROBIN
			      ? __sync_fetch_and_add(p->next, 1) % t->places
			      : pick_below(p->random, t->places);
	__u32 slot = pick_at(t->pool, place);
	const struct endpoint *e = read_endpoint(slot);

	p->random = pick_mix(p->random + 1 + i);
	if (!pick_takes_part(p, e))
		return 0;
	if (p->cluster->warmup && (p->random >> 32 & (WARM_ONE - 1)) >= warmth(p->cluster, e, p->now)) {
		t->cold = slot;
		return 0;
	}
	t->found = slot;
	return 1;
}

/* Two times at most, for another than `one`; less often for one that warms up. */
pick_inline __u32 pick_other(struct pick_try *t, __u32 one)
{
	for (int i = 0; i < 2; i++) {
		t->found = PICK_NONE;
		pick_loop(PICK_TRIES, pick_warm_one, t);
		if (t->found != PICK_NONE && t->found != one)
			return pick_less_busy(one, t->found);
	}
	return one;
}

/* PICK_NONE: only those were met that do not take part. */
pick_noinline __u32 pick_some(struct pick *p)
{
	struct pick_try t = {.p = p, .pool = pick_pool(p), .found = PICK_NONE, .cold = PICK_NONE};

	if (!t.pool)
		return PICK_NONE;
	t.places = pick_places(t.pool);
	if (p->cluster->policy == POLICY_SOURCE_HASH) {
		t.place = pick_below(p->random >> 32, t.places);
		pick_loop(PICK_WALK, pick_hash_one, &t);
		return t.found;
	}
	pick_loop(PICK_TRIES, pick_warm_one, &t);
	if (t.found == PICK_NONE || p->cluster->policy != POLICY_LEAST_REQUEST)
		return t.found == PICK_NONE ? t.cold : t.found;
	return pick_other(&t, t.found);
}

/* The first one that is not ejected, from `from` on, in a circle. */
struct pick_find {
	__u64 now;
	__u32 first, nr, from, found;
};

static long pick_find_one(__u32 i, void *arg)
{
	struct pick_find *f = arg;
	__u32 slot = f->first + (f->from + i) % f->nr;
	const struct endpoint *e = read_endpoint(slot);

	if (!e || read_out(e, f->now))
		return 0;
	f->found = slot;
	return 1;
}

pick_noinline __u32 pick_any(const struct pick *p)
{
	struct pick_find f = {.now = p->now, .found = PICK_NONE};
	const struct pool *pool = pick_pool(p);

	if (!pool)
		return PICK_NONE;
	f.first = pool->first;
	f.nr = pool->nr;
	f.from = pick_below(p->random >> 32, pool->nr);
	pick_loop(pool->nr, pick_find_one, &f);
	return f.found;
}

pick_noinline __u32 pick_careful(const struct cluster *cluster, __u64 *next, __u64 random,
				 __u64 now, int ipv6)
{
	struct pick p = {.cluster = cluster, .next = next, .random = random, .now = now,
			 .ipv6 = !!ipv6};
	__u32 slot;

	if (cluster->nr_levels > 1 || cluster->min_health)
		pick_level(&p);
	slot = pick_some(&p);
	return slot == PICK_NONE ? pick_any(&p) : slot;
}

#endif
