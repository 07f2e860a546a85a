/* SPDX-License-Identifier: GPL-2.0 */
/* The life of a steered socket after connect(): established, failed, closed. */
#include <linux/in.h>
#include "hold.h"
#include "maps.h"
#include "original.h"

char _license[] SEC("license") = "GPL";

static __always_inline struct flow *flow_of(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk;

	return sk ? bpf_sk_storage_get(&flows, sk, 0, 0) : NULL;
}

/* Callback flags are shared with other programs: only ever add to them. */
static __always_inline void arm(struct bpf_sock_ops *ops)
{
	struct flow *flow = flow_of(ops);
	__u64 hold;

	if (!flow)
		return;
	hold = *(volatile __u64 *)&flow->hold;
	if (flow->steered == FLOW_TO_PROXY)
		original_keep(ops, flow);
	else if (!(hold & HOLD_HELD) || hold & HOLD_ARMED)
		return;
	if (!bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG))
		__sync_fetch_and_or(&flow->hold, HOLD_ARMED);
}

static __always_inline void established(struct bpf_sock_ops *ops)
{
	struct flow *flow = flow_of(ops);
	struct cluster_state *state;
	__u32 slot;

	if (!flow || (!(flow->hold & HOLD_HELD) && flow->steered != FLOW_TO_PROXY))
		return;
	flow->phase = FLOW_CONNECTED;
	if (flow->steered == FLOW_TO_PROXY)
		return;
	slot = flow->hold & HOLD_CLUSTER_MASK;
	state = bpf_map_lookup_elem(&cluster_state, &slot);
	if (state)
		__sync_fetch_and_add(&state->connected, 1);
	COUNT(connected);
}

static __always_inline void tell_failed(const struct flow *flow, __u32 cluster)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		COUNT(events_lost);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->time = bpf_ktime_get_ns();
	e->netns = flow->netns;
	e->service = flow->service;
	__builtin_memcpy(e->to, flow->to, 16);
	e->to_port = flow->to_port;
	e->cluster = cluster;
	e->pid = flow->pid;
	e->kind = EVENT_CONNECT_FAILED;
	__builtin_memcpy(e->comm, flow->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
}

/* The endpoint refused, reset or never answered; a caller that gave up does not count. */
static __always_inline void failed(const struct flow *flow, __u64 hold)
{
	__u32 slot = hold & HOLD_CLUSTER_MASK, endpoint = flow->endpoint;
	struct cluster_state *cluster;
	struct endpoint_state *state;

	if (flow->phase != FLOW_CONNECTING)
		return;
	COUNT(connect_failed);
	cluster = bpf_map_lookup_elem(&cluster_state, &slot);
	if (cluster)
		__sync_fetch_and_add(&cluster->connect_failed, 1);
	state = bpf_map_lookup_elem(&endpoint_state, &endpoint);
	if (state && flow->steered && state->generation == flow->endpoint_generation)
		__sync_fetch_and_add(&state->connect_failed, 1);
	tell_failed(flow, slot);
}

static __always_inline void closed(struct bpf_sock_ops *ops)
{
	struct flow *flow = flow_of(ops);
	__u64 hold;

	if (!flow)
		return;
	if (flow->steered == FLOW_TO_PROXY)
		original_forget(ops);
	hold = flow->hold;
	if (release(flow))
		failed(flow, hold);
}

/* Always 1: a 0 would discard what other programs on the cgroup replied. */
SEC("sockops")
int tcp_life(struct bpf_sock_ops *ops)
{
	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		arm(ops);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		established(ops);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		original_accept(ops);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		if (ops->args[1] == BPF_TCP_CLOSE)
			closed(ops);
		break;
	}
	return 1;
}

/*
 * The last descriptor is closed. A socket that is armed and connected, or still connecting, returns its
 * reservation when it reaches TCP_CLOSE; one that is there already, or that nothing
 * watches, returns it here.
 */
SEC("cgroup/sock_release")
int sock_release(struct bpf_sock *sk)
{
	struct flow *flow = bpf_sk_storage_get(&flows, sk, 0, 0);

	if (!flow)
		return 1;
	if (flow->phase == FLOW_CONNECTING)
		flow->phase = FLOW_GIVEN_UP;
	if (!(flow->hold & HOLD_ARMED) || sk->state == BPF_TCP_CLOSE)
		release(flow);
	return 1;
}
