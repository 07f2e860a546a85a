/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The decision: which destination takes a turn, and which of its endpoints. The same text is
 * compiled into the kernel's programs and into the agent; whoever includes it defines how records
 * are read, where NULL is out of range:
 *   const struct schedule *read_schedule(__u32 block);
 *   const struct pool *read_pool(__u32 slot);
 *   const struct chart *read_chart(__u32 block);
 *   const struct endpoint *read_endpoint(__u32 slot);
 *   __u64 read_active(const struct endpoint *e);         `active` of its state
 *   int read_out(const struct endpoint *e, __u64 now);   it is ejected
 *   void pick_loop(__u32 n, long (*each)(__u32 i, void *arg), void *arg);   till one returns 1
 */
#ifndef BPF_PICK_H
#define BPF_PICK_H

#include <shunt/endpoint.h>
#include <shunt/flow.h>
#include <shunt/service.h>

#define PICK_NONE 0xffffffffU
#define PICK_TRIES 8	    /* random ones, until one takes part; then the next that does */
#define PICK_WALK 32	    /* places behind that of a hash */
#define PICK_SPARE_PERCENT 140 /* of its healthy share that a level can take */

#define pick_inline static inline __attribute__((always_inline))
#define pick_noinline static __attribute__((noinline))

/* Index below nr_clusters; `turn` counts up from 0 for ever. */
pick_inline __u32 pick_cluster(const struct route *route, __u64 turn)
{
	const struct schedule *block;
	__u32 at;

	if (!route->schedule_length)
		return 0;
	at = turn % route->schedule_length;
	block = read_schedule(route->schedule + at / SHUNT_SCHEDULE_BLOCK);
	return block ? block->pick[at % SHUNT_SCHEDULE_BLOCK] : 0;
}

/* Spreads 32 random bits over 0 … n-1 without a division. */
pick_inline __u32 pick_below(__u32 random, __u32 n)
{
	return ((__u64)random * n) >> 32;
}

/* The next 64 random bits; also spreads what is not random (the end of MurmurHash3). */
pick_inline __u64 pick_mix(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

/* Of 16 bytes; the same on every node. */
pick_inline __u64 pick_hash(const void *address)
{
	const __u64 *half = address;

	return pick_mix(pick_mix(half[0] ^ 0x9e3779b97f4a7c15ULL) ^ half[1]);
}

/* The cluster has endpoints of that family. */
pick_inline int pick_has(const struct cluster *cluster, int ipv6)
{
	return cluster->flags & (ipv6 ? CLUSTER_IPV6 : CLUSTER_IPV4);
}

pick_inline __u32 pick_places(const struct pool *pool)
{
	return pool->chart_length ? pool->chart_length : pool->nr;
}

/* The endpoint that has the place; the pool has any. */
pick_inline __u32 pick_at(const struct pool *pool, __u32 place)
{
	const struct chart *block;

	if (!pool->chart_length)
		return pool->first + place;
	block = read_chart(pool->chart + place / SHUNT_CHART_BLOCK);
	return block ? pool->first + block->at[place % SHUNT_CHART_BLOCK] : PICK_NONE;
}

pick_inline __u64 pick_active(const struct endpoint *e)
{
	__s64 active = active_count(read_active(e));

	return active > 0 ? active : 0;
}

/* Fewer live connections for its weight; `one` on a tie. */
pick_inline __u32 pick_less_busy(__u32 one, __u32 other)
{
	const struct endpoint *a = read_endpoint(one), *b = read_endpoint(other);

	if (!a || !b)
		return one;
	if (a->weight == b->weight)
		return pick_active(b) < pick_active(a) ? other : one;
	return (pick_active(b) + 1) * a->weight < (pick_active(a) + 1) * b->weight ? other : one;
}

/* Two places at random, two endpoints where all have one. */
pick_inline __u32 pick_of_two(const struct pool *pool, __u64 random)
{
	__u32 n = pick_places(pool), a = pick_below(random, n), b;

	if (n == 1)
		return pick_at(pool, a);
	b = pick_below(random >> 32, n - 1);
	if (b >= a)
		b++;
	return pick_less_busy(pick_at(pool, a), pick_at(pool, b));
}

/* While everyone takes part. */
pick_inline __u32 pick_from(const struct cluster *cluster, const struct pool *pool, __u64 *next,
			    __u64 random)
{
	switch (cluster->policy) {
	case POLICY_ROUND_ROBIN:
		return pick_at(pool, __sync_fetch_and_add(next, 1) % pick_places(pool));
	case POLICY_SOURCE_HASH:
		return pick_at(pool, pick_below(random >> 32, pick_places(pool)));
	case POLICY_RANDOM:
		return pick_at(pool, pick_below(random, pick_places(pool)));
	default:
		return pick_of_two(pool, random);
	}
}

#include "pick_some.h"

/*
 * Slot in endpoints, or PICK_NONE: the cluster has none of that family, or none that takes part.
 * `next`: its round-robin count. `random`: 64 random bits; of POLICY_SOURCE_HASH a hash, when there
 * is something to it. `now`: CLOCK_MONOTONIC ns; 0: nobody is ejected and all are warm.
 */
pick_inline __u32 pick_endpoint(const struct cluster *cluster, __u64 *next, __u64 random,
				__u64 now, int ipv6)
{
	const struct pool *pool;

	if (now)
		return pick_careful(cluster, next, random, now, ipv6);
	pool = read_pool(cluster->first_pool + !!ipv6);
	return pool && pool->nr ? pick_from(cluster, pool, next, random) : PICK_NONE;
}

#endif
