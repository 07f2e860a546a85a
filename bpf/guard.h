/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guard of a split: a destination to which more than its share of connects fail is left out, and
 * its turns are taken by the others in their ratios, until the rules of its route change.
 */
#ifndef BPF_GUARD_H
#define BPF_GUARD_H

#include "health.h"
#include "maps.h"

static __always_inline void guard_trip(struct cluster_state *state, __u32 cluster)
{
	if (__sync_val_compare_and_swap(&state->guarded, 0, bpf_ktime_get_ns()))
		return;
	__sync_fetch_and_add(&state->guards, 1);
	COUNT(guarded);
	health_tell(EVENT_GUARDED, cluster, 0);
}

/*
 * A connect ended well, or failed. The window begins anew when it is full; as soon as it holds more
 * failures than a full one may, nothing that follows can change the outcome.
 */
static __always_inline void guard_count(struct cluster_state *state, __u32 cluster, int failed)
{
	struct cluster_rules *rules;
	__u64 guard, add = failed ? 1ULL << 32 | 1 : 1, word;

	if (!(state->rules & RULES_GUARD))
		return;
	rules = bpf_map_lookup_elem(&cluster_rules, &cluster);
	guard = rules ? *(volatile __u64 *)&rules->guard : 0;
	if (!guard)
		return;
	word = __sync_fetch_and_add(&state->window, add) + add;
	if ((word >> 32) * 100 > (guard & 0xffffffff) * (guard >> 32)) {
		guard_trip(state, cluster);
		*(volatile __u64 *)&state->window = 0;
	} else if ((word & 0xffffffff) >= guard >> 32) {
		__sync_val_compare_and_swap(&state->window, word, 0);
	}
}

static __always_inline int guard_out(const struct cluster *cluster)
{
	__u32 slot = cluster->state;
	struct cluster_state *state = bpf_map_lookup_elem(&cluster_state, &slot);

	return state && *(volatile __u64 *)&state->guarded;
}

#endif
