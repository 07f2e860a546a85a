/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Live connections by packet that have to go, as drain.bpf.c does with those of sockets. No socket has
 * to be found for them: the record is freed here, and the next packet meets no connection. The agent
 * runs each program as often as it takes to go over all slots; no packet meets them. Iterators
 * lack the clock that records go by.
 */
#define DIALLED_BY_PACKET
#include "drain.h"
#include "track.h"

char _license[] SEC("license") = "GPL";

/* Whoever opens one has made it known by then, or has given it back. */
#define OPENED_NS 250000000ULL

__u32 next = 0; /* slot at which the next run begins */

/* The hold of a TCP connection to an endpoint; 0: there is none. */
static __always_inline __u64 held(const struct conn *c)
{
	__u64 hold = *(volatile __u64 *)&c->hold;

	return hold & HOLD_HELD && !(hold & HOLD_LEAVING) && c->steered == FLOW_TO_ENDPOINT &&
			       is_tcp(c) ? hold : 0;
}

static __always_inline int is_connecting(const struct conn *c)
{
	return !(*(volatile __u32 *)&c->flags & CONN_ANSWERED);
}

/* Neither counted nor touched until it is known. */
static __always_inline int is_opening(const struct conn *c)
{
	return is_connecting(c) && (__s64)(bpf_ktime_get_coarse_ns() - c->since) < (__s64)OPENED_NS;
}

static __always_inline void key_of(struct drain_key *key, const struct conn *c, __u64 hold)
{
	key->service = c->service;
	key->cluster = hold & HOLD_CLUSTER_MASK;
	key->endpoint = c->endpoint;
}

/* 1: it was this call that ended it. */
static __always_inline int end(struct conn *c, __u32 slot, __u64 hold, int kind)
{
	if (__sync_val_compare_and_swap(&c->hold, hold, hold | HOLD_LEAVING) != hold)
		return 0;
	count_leaving(hold, kind);
	outcome_tell(c, hold & HOLD_CLUSTER_MASK, kind, 0);
	conn_free(c, slot);
	return 1;
}

/* Functions of their own, which the verifier sees once and not in each round of a loop. */
__noinline int tally_slot(__u32 slot)
{
	struct conn *c = bpf_map_lookup_elem(&conns, &slot);
	__u64 hold = c ? held(c) : 0;
	struct drain_key key;

	if (!c || !hold || is_opening(c))
		return 0;
	key_of(&key, c, hold);
	tally(&key, is_connecting(c));
	return 0;
}

__noinline int end_surplus_slot(__u32 slot)
{
	struct conn *c = bpf_map_lookup_elem(&conns, &slot);
	__u64 hold = c ? held(c) : 0;
	struct drain_order *order;
	struct drain_key key;

	if (!c || !hold || is_opening(c))
		return 0;
	key_of(&key, c, hold);
	order = order_for(&key, is_connecting(c));
	if (order && end(c, slot, hold, EVENT_DRAINED))
		order->left--;
	return 0;
}

static __always_inline int is_idle(const struct conn *c, __u64 most)
{
	return (__s64)(bpf_ktime_get_coarse_ns() - *(volatile __u64 *)&c->last) >= (__s64)most;
}

__noinline int end_expired_slot(__u32 slot)
{
	struct conn *c = bpf_map_lookup_elem(&conns, &slot);
	__u64 hold = c ? held(c) : 0, most, idle;

	if (!c || !hold || is_connecting(c))
		return 0;
	most = limit_of(hold & HOLD_CLUSTER_MASK, RULES_DURATION);
	idle = limit_of(hold & HOLD_CLUSTER_MASK, RULES_IDLE);
	if (most && (__s64)(bpf_ktime_get_coarse_ns() - c->since) >= (__s64)most) {
		end(c, slot, hold, EVENT_EXPIRED_DURATION);
		return 0;
	}
	if (!idle || !is_idle(c, idle))
		return 0;
	learn_last(c);
	if (is_idle(c, idle))
		end(c, slot, hold, EVENT_EXPIRED_IDLE);
	return 0;
}

#define RUN(name_)                                                                                \
	static long name_##_one(__u32 index, __u32 *first)                                        \
	{                                                                                         \
		return name_##_slot(*first + index);                                              \
	}                                                                                         \
	SEC("tc")                                                                                 \
	int name_##_conns(struct __sk_buff *skb)                                                  \
	{                                                                                         \
		__u32 first = next;                                                               \
		(void)skb;                                                                        \
		bpf_loop(DRAIN_SLOTS, name_##_one, &first, 0);                                    \
		next = first + DRAIN_SLOTS;                                                       \
		return 0;                                                                         \
	}

RUN(tally)
RUN(end_surplus)
RUN(end_expired)
