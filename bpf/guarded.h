/* SPDX-License-Identifier: GPL-2.0 */
/* Whose turn it is instead, when a guard keeps the destination out that a turn is for. */
#ifndef BPF_GUARDED_H
#define BPF_GUARDED_H

#include "guard.h"
#include "pick.h"

/* Turns that are taken in search of a destination that is not out; then it is the first of those. */
#define GUARD_TURNS 64

struct guard_search {
	struct route route; /* of which the members that say whose turn it is are set */
	__u32 found;	    /* slot in clusters; PICK_NONE: none yet */
};

/* Any destination that is not out. */
static long guard_step(__u32 index, struct guard_search *search)
{
	__u32 slot = search->route.first_cluster + index;
	struct cluster *cluster = bpf_map_lookup_elem(&clusters, &slot);

	if (!cluster || !cluster->weight || guard_out(cluster))
		return 0;
	search->found = slot;
	return 1;
}

/* One that has the next turn and is not out. */
static long guard_turn(__u32 index, struct guard_search *search)
{
	__u32 slot = search->route.turn;
	struct turn *turn = bpf_map_lookup_elem(&turns, &slot);
	struct cluster *cluster;

	(void)index;
	if (!turn)
		return 1;
	slot = search->route.first_cluster +
	       pick_cluster(&search->route, __sync_fetch_and_add(&turn->next, 1));
	cluster = bpf_map_lookup_elem(&clusters, &slot);
	if (!cluster || guard_out(cluster))
		return 0;
	search->found = slot;
	return 1;
}

/*
 * Who takes the turn of a destination that is out, of a route with these members: a slot in clusters,
 * PICK_NONE when all are out. Looked at by the verifier alone, as health_failed is.
 */
__noinline __u32 guard_other(__u32 first_cluster, __u32 nr_clusters, __u32 turn, __u32 schedule,
			     __u32 schedule_length)
{
	struct guard_search search = {
		.route = {.first_cluster = first_cluster,
			  .turn = turn,
			  .schedule = schedule,
			  .schedule_length = schedule_length},
		.found = PICK_NONE,
	};

	bpf_loop(nr_clusters, guard_step, &search, 0);
	if (search.found != PICK_NONE)
		bpf_loop(GUARD_TURNS, guard_turn, &search, 0);
	return search.found;
}

/* The destination whose turn it was, or who takes it. */
static __always_inline __u32 guard_pass(const struct route *route, __u32 slot)
{
	struct cluster *cluster = bpf_map_lookup_elem(&clusters, &slot);
	__u32 other;

	if (!cluster || !guard_out(cluster))
		return slot;
	other = guard_other(route->first_cluster, route->nr_clusters, route->turn, route->schedule,
			    route->schedule_length);
	return other == PICK_NONE ? slot : other;
}

#endif
