/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The decision: which destination takes a turn, and which of its endpoints. The same text is
 * compiled into the kernel's programs and into the agent; whoever includes it defines how records
 * are read:
 *   const struct schedule *read_schedule(__u32 block);  NULL: out of range
 *   __u64 read_active(__u32 endpoint);                  `active` of an endpoint record's state
 */
#ifndef BPF_PICK_H
#define BPF_PICK_H

#include <shunt/endpoint.h>
#include <shunt/flow.h>
#include <shunt/service.h>

#define PICK_NONE 0xffffffffU

#define pick_inline static inline __attribute__((always_inline))

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

/* The one with fewer live connections of two different ones; the first on a tie. */
pick_inline __u32 pick_less_busy(__u32 first, __u32 n, __u64 random)
{
	__u32 a = first + pick_below(random, n), b;

	if (n == 1)
		return a;
	b = first + pick_below(random >> 32, n - 1);
	if (b >= a)
		b++;
	return active_count(read_active(b)) < active_count(read_active(a)) ? b : a;
}

/*
 * Slot in endpoints, or PICK_NONE when the cluster has none of that family.
 * `next`: the cluster's round-robin count; `random`: 64 random bits.
 */
pick_inline __u32 pick_endpoint(const struct cluster *cluster, int ipv6, __u64 next, __u64 random)
{
	__u32 first = cluster->first_endpoint + (ipv6 ? cluster->skip_ipv6 : 0);
	__u32 n = ipv6 ? cluster->nr_ipv6 : cluster->nr_ipv4;

	if (!n)
		return PICK_NONE;
	if (cluster->policy == POLICY_ROUND_ROBIN)
		return first + next % n;
	if (cluster->policy == POLICY_RANDOM)
		return first + pick_below(random, n);
	return pick_less_busy(first, n, random);
}

#endif
