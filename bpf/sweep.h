/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Gives up connections that have had no packets for too long: a timer of the kernel's goes over the
 * slots while any is in use, so nothing needs the agent.
 */
#ifndef BPF_SWEEP_H
#define BPF_SWEEP_H

#include "track.h"

#define SWEEP_EVERY_NS 50000000ULL
#define SWEEP_SLOTS 4096 /* each time */
#define SWEEP_CLOCK 1	 /* CLOCK_MONOTONIC */

struct sweep_walk {
	__u32 first, end; /* slots */
};

static __always_inline __u64 conn_patience(const struct conn *c, __u32 flags)
{
	if (flags & CONN_CLOSED)
		return flags & CONN_RESET ? CONN_RESET_NS : CONN_CLOSED_NS;
	if (!is_tcp(c))
		return flags & CONN_ANSWERED ? CONN_UDP_NS : CONN_UDP_ASKED_NS;
	if (!(flags & CONN_ANSWERED))
		return CONN_HALF_OPEN_NS;
	return flags & CONN_FINS ? CONN_HALF_CLOSED_NS : CONN_OPEN_NS;
}

/* Datagrams to an endpoint that no plan has any more: whoever goes on sending is decided anew. */
static __always_inline int is_in_vain(const struct conn *c, __u32 flags)
{
	__u32 slot = c->endpoint;
	struct endpoint_state *state;

	if (is_tcp(c) || c->steered != FLOW_TO_ENDPOINT || flags & CONN_CLOSED)
		return 0;
	state = bpf_map_lookup_elem(&endpoint_state, &slot);
	return state && state->generation == c->endpoint_generation &&
	       *(volatile __u32 *)&state->gone;
}

static __always_inline int is_idle(const struct conn *c, __u32 flags, __u64 now)
{
	__u64 last = *(volatile __u64 *)&c->last;

	return !last || (__s64)(now - last) > (__s64)conn_patience(c, flags);
}

/* A function of its own, which the verifier sees once and not in each round of a loop. */
__noinline int sweep_slot(__u32 slot)
{
	struct conn *c = bpf_map_lookup_elem(&conns, &slot);
	struct tracking *t = track_counts();
	__u64 now = bpf_ktime_get_coarse_ns();
	__u32 flags;

	/* Whoever takes a slot for the first time marks it before it has a generation. */
	if (!c || !t || !*(volatile __u32 *)&c->generation)
		return 0;
	flags = *(volatile __u32 *)&c->flags;
	if (flags & CONN_FREED)
		return 0;
	if (is_in_vain(c, flags)) {
		conn_free(c, slot);
		return 0;
	}
	if (!(flags & (CONN_ANSWERED | CONN_CLOSED | CONN_FAILED)) && is_tcp(c) &&
	    (__s64)(now - c->since) > (__s64)CONN_ANSWER_NS)
		outcome_failed(c, FAILURE_TIMED_OUT);
	if (!is_idle(c, flags, now))
		return 0;
	if (*(volatile __u64 *)&c->last)
		learn_last(c);
	if (!is_idle(c, flags, now))
		return 0;
	if (!(flags & CONN_CLOSED))
		__sync_fetch_and_add(&t->swept, 1);
	conn_free(c, slot);
	return 0;
}

static long sweep_one(__u32 index, struct sweep_walk *walk)
{
	__u32 slot = walk->first + index;

	if (slot >= walk->end)
		return 1;
	sweep_slot(slot);
	return 0;
}

static int sweep_run(void *map, __u32 *key, struct sweep *s)
{
	struct sweep_walk walk = {.first = s->next};
	struct tracking *t = track_counts();

	(void)map;
	(void)key;
	if (t)
		walk.end = *(volatile __u32 *)&t->fresh;
	bpf_loop(SWEEP_SLOTS, sweep_one, &walk, 0);
	s->next = walk.first + SWEEP_SLOTS < walk.end ? walk.first + SWEEP_SLOTS : 0;
	if (t && !*(volatile __u32 *)&t->used) {
		__sync_lock_test_and_set(&t->timer, 0);
		if (!*(volatile __u32 *)&t->used ||
		    __sync_val_compare_and_swap(&t->timer, 0, 1))
			return 0;
	}
	bpf_timer_start(&s->timer, SWEEP_EVERY_NS, 0);
	return 0;
}

/* A connection was opened: somebody has to look after it. */
__noinline int sweep_arm(void)
{
	struct tracking *t = track_counts();
	__u32 zero = 0;
	struct sweep *s;

	if (!t)
		return 0;
	if (*(volatile __u64 *)&t->timer || __sync_val_compare_and_swap(&t->timer, 0, 1))
		return 0;
	s = bpf_map_lookup_elem(&conns_sweep, &zero);
	if (!s)
		return 0;
	bpf_timer_init(&s->timer, &conns_sweep, SWEEP_CLOCK); /* once; later it is there */
	if (bpf_timer_set_callback(&s->timer, sweep_run) ||
	    bpf_timer_start(&s->timer, SWEEP_EVERY_NS, 0))
		__sync_lock_test_and_set(&t->timer, 0);
	return 0;
}

#endif
