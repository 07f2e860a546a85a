/* SPDX-License-Identifier: GPL-2.0 */
/* The decision of pick.h over the kernel's maps. */
#ifndef BPF_CHOOSE_H
#define BPF_CHOOSE_H

#include "dial.h"
#include "health.h"
#include "maps.h"

static __always_inline const struct schedule *read_schedule(__u32 block)
{
	return bpf_map_lookup_elem(&schedules, &block);
}

static __always_inline const struct pool *read_pool(__u32 slot)
{
	return bpf_map_lookup_elem(&pools, &slot);
}

static __always_inline const struct chart *read_chart(__u32 block)
{
	return bpf_map_lookup_elem(&charts, &block);
}

static __always_inline const struct endpoint *read_endpoint(__u32 slot)
{
	return bpf_map_lookup_elem(&endpoints, &slot);
}

static __always_inline __u64 read_active(const struct endpoint *endpoint)
{
	__u32 slot = endpoint->state;
	struct endpoint_state *state = bpf_map_lookup_elem(&endpoint_state, &slot);

	return state ? *(volatile __u64 *)&state->active : 0;
}

static __always_inline int read_out(const struct endpoint *endpoint, __u64 now)
{
	__u32 slot = endpoint->state;
	struct endpoint_state *state = bpf_map_lookup_elem(&endpoint_state, &slot);

	return state && endpoint_out(state, now);
}

#define pick_loop(n, each, arg) bpf_loop(n, each, arg, 0)

#include "pick.h"
#include "guarded.h"

/* Takes a turn of the route; NULL only when the maps contradict each other. */
static __always_inline const struct cluster *take_turn(const struct route *route)
{
	__u64 turn = 0;
	__u32 index;

	if (route->schedule_length) {
		__u32 slot = route->turn;
		struct turn *t = bpf_map_lookup_elem(&turns, &slot);

		if (!t)
			return NULL;
		turn = __sync_fetch_and_add(&t->next, 1);
	}
	index = route->first_cluster + pick_cluster(route, turn);
	if (route->flags & ROUTE_GUARDED)
		index = guard_pass(route, index);
	return bpf_map_lookup_elem(&clusters, &index);
}

#include "affinity.h"

/* The policy's choice; PICK_NONE: none of this family, or all are ejected. */
static __always_inline __u32 choose_by_policy(const struct dial *dial,
					       const struct cluster *cluster,
					       struct cluster_state *state)
{
	__u64 returns = *(volatile __u64 *)&state->returns, random = 0, now = 0;

	if (cluster->policy == POLICY_SOURCE_HASH && address_is_set(&dial->from))
		random = pick_hash(&dial->from);
	else if (cluster->policy != POLICY_ROUND_ROBIN || returns || cluster->warm)
		random = bpf_get_prandom_u32() | (__u64)bpf_get_prandom_u32() << 32;
	if (returns || cluster->warm)
		now = bpf_ktime_get_ns();
	if (returns && returns <= now)
		health_sweep(cluster->state, now);
	if (!returns && now >= cluster->warm)
		now = 0;
	return pick_endpoint(cluster, &state->next, random, now, dial->ipv6);
}

/*
 * Slot in endpoints, of a cluster that is reserved; PICK_NONE: none of this family takes part. A
 * global function: the verifier walks through it once, and not once for each way that leads here.
 */
__noinline __u32 choose(struct dial *dial, const struct cluster *cluster,
			struct cluster_state *state)
{
	__u32 slot = PICK_NONE;

	if (!dial || !cluster || !state)
		return PICK_NONE;
	if (cluster->affinity || cluster->policy == POLICY_SOURCE_HASH)
		know_source(dial);
	if (cluster->affinity)
		slot = affinity_find(dial, cluster);
	if (slot != PICK_NONE)
		return slot;
	slot = choose_by_policy(dial, cluster, state);
	if (cluster->affinity && slot != PICK_NONE)
		affinity_keep(dial, cluster, slot);
	return slot;
}

/* NULL: none takes part. */
static __always_inline const struct endpoint *choose_endpoint(struct dial *dial,
							       const struct cluster *cluster,
							       struct cluster_state *state)
{
	__u32 slot = choose(dial, cluster, state);

	return slot == PICK_NONE ? NULL : read_endpoint(slot);
}

#endif
