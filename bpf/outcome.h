/* SPDX-License-Identifier: GPL-2.0 */
/* What became of a connection by packet, counted where those of sockets are: answered, failed, ended. */
#ifndef BPF_OUTCOME_H
#define BPF_OUTCOME_H

#include <linux/in.h>
#include <shunt/track.h>
#include "event.h"
#include "guard.h"
#include "health.h"
#include "hold.h"
#include "traffic.h"

static __always_inline int is_tcp(const struct conn *c)
{
	return c->service.protocol == IPPROTO_TCP;
}

/* The first answer. A datagram says nothing of whoever did not send it. */
static __always_inline void outcome_answered(const struct conn *c)
{
	__u64 hold = *(volatile __u64 *)&c->hold;
	__u32 slot = hold & HOLD_CLUSTER_MASK;
	struct cluster_state *state;

	if (!(hold & HOLD_HELD))
		return;
	state = bpf_map_lookup_elem(&cluster_state, &slot);
	if (!state)
		return;
	__sync_fetch_and_add(&state->connected, 1);
	COUNT(connected);
	if (!is_tcp(c))
		return;
	guard_count(state, slot, 0);
	if (c->steered == FLOW_TO_ENDPOINT)
		health_ok(c->endpoint, c->endpoint_generation);
}

/* `why`: of EVENT_CONNECT_FAILED, else 0. */
static __always_inline void outcome_tell(const struct conn *c, __u32 cluster, int kind, int why)
{
	struct event *e = event_begin(kind, cluster);

	if (!e)
		return;
	e->netns = c->netns;
	e->service = c->service;
	__builtin_memcpy(e->to, c->to, 16);
	e->to_port = c->to_port;
	e->endpoint = c->endpoint;
	e->reason = why;
	bpf_ringbuf_submit(e, 0);
}

/* Its endpoint refused, or did not answer; told once. */
__noinline int outcome_failed(struct conn *c, enum failure why)
{
	struct cluster_state *cluster;
	struct traffic *t;
	__u64 hold;
	__u32 slot;

	if (!c)
		return 0;
	hold = *(volatile __u64 *)&c->hold;
	slot = hold & HOLD_CLUSTER_MASK;
	if (!(hold & HOLD_HELD) || __sync_fetch_and_or(&c->flags, CONN_FAILED) & CONN_FAILED)
		return 0;
	COUNT(connect_failed);
	cluster = bpf_map_lookup_elem(&cluster_state, &slot);
	t = traffic_of(hold);
	if (cluster && t) {
		__sync_fetch_and_add(&cluster->connect_failed, 1);
		traffic_failed(t, why);
		guard_count(cluster, slot, 1);
	}
	outcome_tell(c, slot, EVENT_CONNECT_FAILED, why);
	if (c->steered == FLOW_TO_ENDPOINT)
		health_failed(hold, c->endpoint, c->endpoint_generation);
	return 0;
}

/* The reservation `hold` was exchanged for 0 by the caller, who so returns it. */
static __always_inline void outcome_ended(const struct conn *c, __u64 hold)
{
	struct sums sums = {
		.bytes_sent = c->bytes[0],
		.bytes_received = c->bytes[1],
		.segments_sent = c->packets[0],
		.segments_received = c->packets[1],
	};
	struct traffic *t = traffic_of(hold);

	unreserve(hold, c->endpoint, c->steered ? c->endpoint_generation : 0);
	COUNT(closed);
	if (!t || !(c->flags & CONN_ANSWERED))
		return;
	sums.duration = bpf_ktime_get_coarse_ns() - c->since;
	if (c->flags & CONN_RESET)
		__sync_fetch_and_add(&t->reset, 1);
	traffic_ended(t, &sums);
}

#endif
