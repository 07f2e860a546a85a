/* SPDX-License-Identifier: GPL-2.0 */
/* The life of a steered socket after connect(): established, failed, closed. */
#include <linux/in.h>
#include "ended.h"
#include "event.h"
#include "guard.h"
#include "health.h"
#include "hold.h"
#include "maps.h"
#include "original.h"
#include "splice.h"
#include "timeouts.h"

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
	else if (!(hold & HOLD_HELD))
		return;
	else
		timeouts_begin(ops, flow);
	if (hold & HOLD_ARMED)
		return;
	if (!bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG))
		__sync_fetch_and_or(&flow->hold, HOLD_ARMED);
}

static __always_inline void first_timer(struct bpf_sock_ops *ops)
{
	struct flow *flow = flow_of(ops);

	if (flow)
		timeouts_first(ops, flow);
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
	if (!state)
		return;
	__sync_fetch_and_add(&state->connected, 1);
	COUNT(connected);
	timeouts_restore(ops, flow);
	if (state->rules) {
		guard_count(state, slot, 0);
		timeouts_keepalive(ops, flow);
	}
	if (flow->steered)
		health_ok(flow->endpoint, flow->endpoint_generation);
}

/* The endpoint refused or never answered; a caller that gave up does not count. */
static __always_inline void failed(const struct flow *flow, __u64 hold, struct traffic *t,
				   enum failure why)
{
	__u32 slot = hold & HOLD_CLUSTER_MASK;
	struct cluster_state *cluster;

	if (!why)
		return;
	COUNT(connect_failed);
	cluster = bpf_map_lookup_elem(&cluster_state, &slot);
	if (cluster && t) {
		__sync_fetch_and_add(&cluster->connect_failed, 1);
		traffic_failed(t, why);
		guard_count(cluster, slot, 1);
	}
	tell_flow(flow, slot, EVENT_CONNECT_FAILED, why);
	if (flow->steered)
		health_failed(hold, flow->endpoint, flow->endpoint_generation);
}

static __always_inline void closed(struct bpf_sock_ops *ops)
{
	struct flow *flow = flow_of(ops);
	struct bpf_sock *sk = ops->sk;
	struct traffic *t;
	__u64 hold;
	void *tcp;

	if (!flow || !sk)
		return;
	if (flow->steered == FLOW_TO_PROXY)
		original_forget(ops);
	if (flow->phase != FLOW_CONNECTED && flow->splice)
		splice_forget(ops);
	hold = flow->hold;
	if (!release(flow))
		return;
	tcp = bpf_skc_to_tcp_sock(sk);
	t = traffic_of(hold);
	if (flow->phase == FLOW_CONNECTING)
		failed(flow, hold, t, ended_failure(ended_error(tcp)));
	else if (flow->phase == FLOW_CONNECTED && t)
		ended_count(tcp, flow, t);
	timeouts_restore(ops, flow);
}

/* Always 1: a 0 would discard what other programs on the cgroup replied. */
SEC("sockops")
int tcp_life(struct bpf_sock_ops *ops)
{
	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		arm(ops);
		splice_ask(ops, flow_of(ops));
		break;
	case BPF_SOCK_OPS_TIMEOUT_INIT:
		first_timer(ops);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		established(ops);
		splice_enter(ops, flow_of(ops));
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		original_accept(ops);
		splice_join(ops);
		break;
	case BPF_SOCK_OPS_RWND_INIT:
		splice_meet(ops);
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

	splice_leave(sk);
	if (!flow)
		return 1;
	if (flow->phase == FLOW_CONNECTING)
		flow->phase = FLOW_GIVEN_UP;
	if (!(flow->hold & HOLD_ARMED) || sk->state == BPF_TCP_CLOSE)
		release(flow);
	return 1;
}
