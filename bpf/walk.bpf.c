/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walks over every live socket that carries a flow. They print nothing: a walk that prints resumes
 * by count at each full buffer and skips or repeats sockets beside churn; one that writes into maps
 * is exact.
 */
#include "hold.h"
#include "iter.h"
#include "maps.h"

char _license[] SEC("license") = "GPL";

#define ROWS 65536

/* What list_flows saw; a map of the walk alone, never pinned. */
RECORDS(rows, struct flow, ROWS);

__u64 seen = 0;	   /* flows met by list_flows */
__u64 moved = 0;   /* flows that move_epoch met in the old epoch */

SEC("iter/bpf_sk_storage_map")
int list_flows(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct flow *flow = ctx->value, *row;
	__u32 index;

	if (!flow)
		return 0;
	if (!(flow->hold & HOLD_HELD))
		return 0;
	index = __sync_fetch_and_add(&seen, 1);
	row = bpf_map_lookup_elem(&rows, &index);
	if (row)
		__builtin_memcpy(row, flow, sizeof(*row));
	return 0;
}

/*
 * Moves one reservation to the epoch that control names: the word by exchange, the counts by one
 * 64-bit add each. A word that changed meanwhile is met again by the next walk.
 */
SEC("iter/bpf_sk_storage_map")
int move_epoch(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct flow *flow = ctx->value;
	struct cluster_state *cluster;
	struct endpoint_state *state;
	__u32 slot, generation, endpoint, endpoint_generation;
	__u64 hold, move;
	__u8 steered;

	if (!flow)
		return 0;
	hold = *(volatile __u64 *)&flow->hold;
	if (!(hold & HOLD_HELD) || (hold & HOLD_EPOCH) == hold_epoch())
		return 0;
	endpoint = *(volatile __u32 *)&flow->endpoint;
	endpoint_generation = *(volatile __u32 *)&flow->endpoint_generation;
	steered = *(volatile __u8 *)&flow->steered;
	__sync_fetch_and_add(&moved, 1);
	if (__sync_val_compare_and_swap(&flow->hold, hold, hold ^ HOLD_EPOCH) != hold)
		return 0;
	move = active_one(hold ^ HOLD_EPOCH) - active_one(hold);
	slot = hold & HOLD_CLUSTER_MASK;
	generation = (hold >> HOLD_GENERATION_SHIFT) & HOLD_GENERATION_MASK;
	cluster = bpf_map_lookup_elem(&cluster_state, &slot);
	if (cluster && cluster->generation == generation)
		__sync_fetch_and_add(&cluster->active, move);
	state = bpf_map_lookup_elem(&endpoint_state, &endpoint);
	if (state && steered && state->generation == endpoint_generation)
		__sync_fetch_and_add(&state->active, move);
	return 0;
}
