/* SPDX-License-Identifier: GPL-2.0 */
/* What happens to a connection when it is dialled, a connected UDP socket being one; one body for
 * both families. */
#ifndef BPF_STEER_H
#define BPF_STEER_H

#include <asm-generic/errno.h>
#include <linux/in.h>
#include "begin.h"
#include "decide.h"
#include "socket_proxy.h"
#include "splice_mode.h"

/* Sees the socket's close from now on. From 6.12; older kernels arm at TCP_CONNECT_CB. */
static __always_inline __u64 arm_at_connect(struct bpf_sock_addr *ctx)
{
	const int tcp_bpf_sock_ops_cb_flags = 1008;
	int flags = 0;

	if (bpf_getsockopt(ctx, IPPROTO_TCP, tcp_bpf_sock_ops_cb_flags, &flags, sizeof(flags)))
		return 0;
	flags |= BPF_SOCK_OPS_STATE_CB_FLAG;
	if (bpf_setsockopt(ctx, IPPROTO_TCP, tcp_bpf_sock_ops_cb_flags, &flags, sizeof(flags)))
		return 0;
	return HOLD_ARMED;
}

/* Writes the record first and its hold last: from then on whoever sees the close returns it. */
static __always_inline void hold_flow(struct bpf_sock_addr *ctx, struct flow *flow,
				      const struct dial *dial, const struct route *route,
				      const struct decision *decision)
{
	flow_begin(flow, dial, route, decision->steered);
	flow->endpoint = decision->endpoint;
	flow->endpoint_generation = decision->endpoint_generation;
	if (dial->key.protocol == IPPROTO_UDP) { /* sock_release sees its end */
		flow->phase = FLOW_CONNECTED;
		__sync_lock_test_and_set(&flow->hold, decision->hold);
		count_connected(decision->hold);
		return;
	}
	__sync_lock_test_and_set(&flow->hold, decision->hold | arm_at_connect(ctx));
}

/* What the proxy's place is for. */
static __always_inline void fill_place(struct flow *flow, const struct dial *dial)
{
	flow->netns = dial->netns;
	flow->service = dial->key;
	__builtin_memcpy(flow->to, dial->key.address, 16);
	flow->to_port = dial->key.port;
	bpf_get_current_comm(flow->comm, sizeof(flow->comm));
	flow->phase = FLOW_CONNECTING;
	flow->splice = FLOW_SPLICE_SERVER;
}

/* A socket that connects again gives up what its last connection held. */
static __always_inline void forget_last(struct bpf_sock_addr *ctx, const struct dial *dial)
{
	struct flow *flow;

	if (!ctx->sk)
		return;
	flow = bpf_sk_storage_get(&flows, ctx->sk, 0, 0);
	if (!flow)
		return;
	if (flow->phase == FLOW_PLACED) {
		fill_place(flow, dial);
		return;
	}
	release(flow);
	flow->steered = FLOW_AS_DIALLED;
}

/* What the proxy opens without a place has a record only where it may be spliced. */
static __always_inline void record_leg(struct bpf_sock_addr *ctx, const struct dial *dial)
{
	struct flow *flow;

	if (!ctx->sk || dial->key.protocol != IPPROTO_TCP ||
	    !(splice_mode() & (SPLICE_ALL | SPLICE_CALLERS)) || !is_proxy())
		return;
	flow = bpf_sk_storage_get(&flows, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!flow || flow->hold & HOLD_HELD)
		return;
	flow->layout = SHUNT_LAYOUT;
	fill_place(flow, dial);
}

/* STEER: to dial->to; else PASS or REFUSE. */
static __always_inline enum verdict steer(struct bpf_sock_addr *ctx, struct dial *dial)
{
	const struct route *route = NULL;
	struct decision decision;
	enum verdict verdict;
	struct flow *flow;

	forget_last(ctx, dial);
	record_leg(ctx, dial);
	verdict = decide_route(dial, &route);
	if (!route)
		return verdict;
	if (dial->key.protocol == IPPROTO_TCP && is_proxy()) {
		COUNT(untouched);
		return PASS;
	}
	if (verdict == PROXY && to_proxy(ctx, dial, route))
		return STEER;
	flow = ctx->sk ? bpf_sk_storage_get(&flows, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE) : NULL;
	if (!flow) {
		COUNT(refused_no_memory);
		return REFUSE;
	}
	verdict = decide_end(dial, route, &decision);
	if (verdict != STEER)
		return verdict;
	hold_flow(ctx, flow, dial, route, &decision);
	return decision.steered ? STEER : PASS;
}

#endif
