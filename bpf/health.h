/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Endpoints that fail again and again are left out for a time: connects that fail in a row are
 * counted, the one that makes the number full ejects, and a pick that comes after the time is over
 * takes back. No agent is needed for any of it, which is why endpoints return at their very time and
 * not, as with Envoy, at the next multiple of `interval`.
 */
#ifndef BPF_HEALTH_H
#define BPF_HEALTH_H

#include "event.h"

/* Functions that are not static are looked at by the verifier once, alone, and not on every path that
 * leads to them. */

/* A CPU that counts and ejects holds `ejecting` for microseconds, unless it is preempted. */
#define HEALTH_TRIES 64

/* Whether picks pass it over. */
static __always_inline int endpoint_out(const struct endpoint_state *state, __u64 now)
{
	return *(volatile __u64 *)&state->ejected_until > now;
}

static __always_inline void health_tell(int kind, __u32 cluster, __u32 endpoint)
{
	struct event *e = event_begin(kind, cluster);

	if (!e)
		return;
	e->endpoint = endpoint;
	bpf_ringbuf_submit(e, 0);
}

/* Over all endpoints of a cluster: who is out, and who comes back first. */
struct health_walk {
	__u64 now;
	__u64 returns; /* as in cluster_state */
	__u32 cluster;
	__u32 next; /* slot + 1 */
	__u32 endpoints;
	__u32 ejected;
	__u32 wanted; /* slot */
	__u32 met;    /* that one is among them */
};

/* Its time is over: all of its counters begin anew. */
static __always_inline void health_return(struct endpoint_state *state, __u32 slot, __u32 cluster,
					  __u64 until)
{
	state->returned = until;
	*(volatile __u32 *)&state->failures = 0;
	*(volatile __u64 *)&state->ejected_until = 0;
	COUNT(returned);
	health_tell(EVENT_RETURNED, cluster, slot);
}

static long health_step(__u32 index, struct health_walk *walk)
{
	__u32 slot = walk->next - 1;
	struct endpoint_state *state;
	__u64 until;

	(void)index;
	if (!walk->next)
		return 1;
	state = bpf_map_lookup_elem(&endpoint_state, &slot);
	if (!state)
		return 1;
	walk->next = *(volatile __u32 *)&state->next;
	walk->endpoints++;
	walk->met |= slot == walk->wanted;
	until = *(volatile __u64 *)&state->ejected_until;
	if (!until)
		return 0;
	if (until <= walk->now) {
		health_return(state, slot, walk->cluster, until);
		return 0;
	}
	walk->ejected++;
	if (!walk->returns || until < walk->returns)
		walk->returns = until;
	return 0;
}

/* `ejecting` is the caller's. */
static __always_inline void health_look(struct cluster_state *state, struct health_walk *walk)
{
	walk->next = *(volatile __u32 *)&state->endpoints;
	bpf_loop(SHUNT_MAX_ENDPOINT_STATES, health_step, walk, 0);
}

static __always_inline void health_walked(struct cluster_state *state,
					  const struct health_walk *walk)
{
	*(volatile __u32 *)&state->ejected = walk->ejected;
	*(volatile __u64 *)&state->returns = walk->returns;
	__sync_lock_test_and_set(&state->ejecting, 0);
}

/* 1: `ejecting` is the caller's. */
static __always_inline int health_lock(struct cluster_state *state, int tries)
{
	for (int i = 0; i < tries; i++)
		if (!__sync_val_compare_and_swap(&state->ejecting, 0, 1))
			return 1;
	return 0;
}

/*
 * By picks, when `returns` has come: takes back those whose time is over. Where another CPU does so
 * already it is left to that.
 */
__noinline int health_sweep(__u32 cluster, __u64 now)
{
	struct health_walk walk = {.now = now, .cluster = cluster, .wanted = ~0U};
	struct cluster_state *state = bpf_map_lookup_elem(&cluster_state, &cluster);

	if (!state || !health_lock(state, 1))
		return 0;
	health_look(state, &walk);
	health_walked(state, &walk);
	return 0;
}

/* How long this ejection lasts, ns; it makes the next one longer. */
static __always_inline __u64 ejection_lasts(struct endpoint_state *state,
					    const struct cluster_rules *rules, __u64 now)
{
	__u64 base = rules->base_ejection, interval = rules->interval, back = 0;
	__u64 most = base > EJECTION_MAX_NS ? base : EJECTION_MAX_NS;
	__u32 backoff = state->backoff;

	if (interval && state->returned && state->returned < now)
		back = (now - state->returned) / interval;
	backoff = backoff > back ? backoff - back : 0;
	state->backoff = backoff + 1;
	/* not multiplied where that would not fit */
	if (!base || backoff >= most / base)
		return most;
	return base * (backoff + 1);
}

/* Of the cluster's endpoints one more may be out. In whole numbers, as exact as Envoy's in doubles. */
static __always_inline int may_eject(const struct cluster_rules *rules,
				     const struct health_walk *walk)
{
	return 100ULL * (walk->ejected + 1) <=
	       (__u64)rules->max_ejection_percent * walk->endpoints;
}

static __always_inline void eject_one(struct cluster_state *cluster, struct endpoint_state *state,
				      const struct cluster_rules *rules, struct health_walk *walk)
{
	__u64 until = walk->now + ejection_lasts(state, rules, walk->now);

	*(volatile __u64 *)&state->ejected_until = until;
	state->ejections++;
	cluster->ejections++;
	walk->ejected++;
	if (!walk->returns || until < walk->returns)
		walk->returns = until;
	COUNT(ejected);
	health_tell(EVENT_EJECTED, walk->cluster, walk->wanted);
}

/* 0: it could not be tried, as another CPU is at it for longer than it should. */
__noinline int health_eject(__u32 cluster, __u32 endpoint)
{
	struct health_walk walk = {.now = bpf_ktime_get_ns(), .cluster = cluster, .wanted = endpoint};
	struct cluster_state *state = bpf_map_lookup_elem(&cluster_state, &cluster);
	struct cluster_rules *rules = bpf_map_lookup_elem(&cluster_rules, &cluster);
	struct endpoint_state *one = bpf_map_lookup_elem(&endpoint_state, &endpoint);

	if (!state || !rules || !one)
		return 1;
	if (!health_lock(state, HEALTH_TRIES))
		return 0;
	health_look(state, &walk);
	if (walk.met && !endpoint_out(one, walk.now)) {
		if (may_eject(rules, &walk)) {
			eject_one(state, one, rules, &walk);
		} else {
			state->ejections_refused++;
			COUNT(ejections_refused);
		}
	}
	health_walked(state, &walk);
	return 1;
}

/*
 * A connect to an endpoint failed, which this flow's hold and endpoint name. Counting begins anew
 * when the number is full, whether it may be ejected or not.
 */
__noinline int health_failed(__u64 hold, __u32 endpoint, __u32 generation)
{
	struct endpoint_state *state = bpf_map_lookup_elem(&endpoint_state, &endpoint);
	__u32 cluster = hold & HOLD_CLUSTER_MASK, failures;
	struct cluster_rules *rules = bpf_map_lookup_elem(&cluster_rules, &cluster);

	if (!state || !rules || state->generation != generation)
		return 0;
	__sync_fetch_and_add(&state->connect_failed, 1);
	if (!rules->consecutive)
		return 0;
	failures = __sync_fetch_and_add(&state->failures, 1) + 1;
	if (failures < rules->consecutive ||
	    __sync_val_compare_and_swap(&state->failures, failures, 0) != failures)
		return 0;
	if (!health_eject(cluster, endpoint))
		__sync_fetch_and_add(&state->failures, failures);
	return 0;
}

/* A connect to it was answered. */
static __always_inline void health_ok(__u32 endpoint, __u32 generation)
{
	struct endpoint_state *state = bpf_map_lookup_elem(&endpoint_state, &endpoint);

	if (state && *(volatile __u32 *)&state->failures && state->generation == generation)
		*(volatile __u32 *)&state->failures = 0;
}

#endif
