/* SPDX-License-Identifier: GPL-2.0 */
/* Reservations: taken at connect, returned exactly once. The protocol stands in shunt/flow.h. */
#ifndef BPF_HOLD_H
#define BPF_HOLD_H

#include "maps.h"

/* Every lost exchange means that another CPU got on; this many in a row do not happen. */
#define RESERVE_TRIES 128

static __always_inline __u64 hold_epoch(void)
{
	__u32 zero = 0;
	struct control *c = bpf_map_lookup_elem(&control, &zero);

	return c && *(volatile __u32 *)&c->epoch ? HOLD_EPOCH : 0;
}

/* 1 reserved, 0 the limit is reached. Add-then-undo would refuse others while it undoes. */
static __always_inline int reserve(struct cluster_state *state, __u32 max, __u64 one)
{
	if (!max) {
		__sync_fetch_and_add(&state->active, one);
		return 1;
	}
	for (int i = 0; i < RESERVE_TRIES; i++) {
		__u64 old = *(volatile __u64 *)&state->active;

		if (active_count(old) >= max)
			return 0;
		if (__sync_val_compare_and_swap(&state->active, old, old + one) == old)
			return 1;
	}
	return 0;
}

/* Subtracts what `hold` reserved, unless the slots have gone on to others since. The endpoint's slot
 * and its generation; 0: there is none. */
static __always_inline void unreserve(__u64 hold, __u32 endpoint, __u32 endpoint_generation)
{
	__u32 slot = hold & HOLD_CLUSTER_MASK;
	__u32 generation = (hold >> HOLD_GENERATION_SHIFT) & HOLD_GENERATION_MASK;
	struct cluster_state *cluster = bpf_map_lookup_elem(&cluster_state, &slot);
	struct endpoint_state *state = bpf_map_lookup_elem(&endpoint_state, &endpoint);

	if (cluster && cluster->generation == generation)
		__sync_fetch_and_add(&cluster->active, -active_one(hold));
	else
		COUNT(stale_hold);
	if (state && endpoint_generation && state->generation == endpoint_generation)
		__sync_fetch_and_add(&state->active, -active_one(hold));
}

/* What is established by being opened: the connections and conversations of UDP. */
static __always_inline void count_connected(__u64 hold)
{
	__u32 slot = hold & HOLD_CLUSTER_MASK;
	struct cluster_state *state = bpf_map_lookup_elem(&cluster_state, &slot);

	if (state)
		__sync_fetch_and_add(&state->connected, 1);
	COUNT(connected);
}

/* 1 when this call was the one that returned the reservation. */
static __always_inline int release(struct flow *flow)
{
	__u64 hold = __sync_lock_test_and_set(&flow->hold, 0);

	if (!(hold & HOLD_HELD))
		return 0;
	unreserve(hold, flow->endpoint, flow->steered ? flow->endpoint_generation : 0);
	COUNT(closed);
	return 1;
}

#endif
