/* SPDX-License-Identifier: GPL-2.0 */
/* Events for the agent and for people. */
#ifndef BPF_EVENT_H
#define BPF_EVENT_H

#include "maps.h"

/* To be filled and submitted; NULL: there is no room, and that is counted. */
static __always_inline struct event *event_begin(int kind, __u32 cluster)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		COUNT(events_lost);
		return NULL;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->time = bpf_ktime_get_ns();
	e->cluster = cluster;
	e->kind = kind;
	return e;
}

/* Of a steered socket. */
static __always_inline void tell_flow(const struct flow *flow, __u32 cluster, int kind, __u32 reason)
{
	struct event *e = event_begin(kind, cluster);

	if (!e)
		return;
	e->netns = flow->netns;
	e->service = flow->service;
	__builtin_memcpy(e->to, flow->to, 16);
	e->to_port = flow->to_port;
	e->endpoint = flow->endpoint;
	e->pid = flow->pid;
	e->reason = reason;
	__builtin_memcpy(e->comm, flow->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
}

#endif
