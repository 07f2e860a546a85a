/* SPDX-License-Identifier: GPL-2.0 */
/* What a connection did, added to its cluster's record when it ends. */
#ifndef BPF_TRAFFIC_H
#define BPF_TRAFFIC_H

#include "maps.h"

/* Of one connection. Whoever does not know a number leaves it at 0. */
struct sums {
	__u64 bytes_sent, bytes_received;
	__u64 segments_sent, segments_received, retransmitted;
	__u64 rtt, rtt_min; /* us */
	__u64 duration;	    /* ns */
};

/* The record of the cluster that `hold` names; NULL: the slot has gone on to another one. */
static __always_inline struct traffic *traffic_of(__u64 hold)
{
	__u32 slot = hold & HOLD_CLUSTER_MASK;
	struct cluster_state *state = bpf_map_lookup_elem(&cluster_state, &slot);

	if (!state || state->generation != ((hold >> HOLD_GENERATION_SHIFT) & HOLD_GENERATION_MASK))
		return NULL;
	return bpf_map_lookup_elem(&traffic, &slot);
}

static __always_inline void traffic_lasted(struct traffic *t, __u64 ns)
{
#define X(name_, ns_)                                                                             \
	if (ns <= ns_) {                                                                          \
		__sync_fetch_and_add(&t->lasted_##name_, 1);                                      \
		return;                                                                           \
	}
	SHUNT_LASTED(X)
#undef X
	__sync_fetch_and_add(&t->lasted_longer, 1);
}

static __always_inline void traffic_rtt(struct traffic *t, const struct sums *sums)
{
	__u64 least = *(volatile __u64 *)&t->rtt_min;

	if (!sums->rtt)
		return;
	__sync_fetch_and_add(&t->rtt, sums->rtt);
	__sync_fetch_and_add(&t->rtts, 1);
	if (sums->rtt_min && (!least || sums->rtt_min < least))
		__sync_val_compare_and_swap(&t->rtt_min, least, sums->rtt_min);
}

/* One that had been established ended. */
static __always_inline void traffic_ended(struct traffic *t, const struct sums *sums)
{
	__sync_fetch_and_add(&t->ended, 1);
	__sync_fetch_and_add(&t->bytes_sent, sums->bytes_sent);
	__sync_fetch_and_add(&t->bytes_received, sums->bytes_received);
	__sync_fetch_and_add(&t->segments_sent, sums->segments_sent);
	__sync_fetch_and_add(&t->segments_received, sums->segments_received);
	if (sums->retransmitted)
		__sync_fetch_and_add(&t->retransmitted, sums->retransmitted);
	__sync_fetch_and_add(&t->duration, sums->duration);
	traffic_rtt(t, sums);
	traffic_lasted(t, sums->duration);
}

/* A connect failed. */
static __always_inline void traffic_failed(struct traffic *t, enum failure why)
{
	if (why == FAILURE_REFUSED)
		__sync_fetch_and_add(&t->refused, 1);
	else if (why == FAILURE_TIMED_OUT)
		__sync_fetch_and_add(&t->timed_out, 1);
	else
		__sync_fetch_and_add(&t->unreachable, 1);
}

#endif
