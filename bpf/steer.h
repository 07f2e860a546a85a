/* SPDX-License-Identifier: GPL-2.0 */
/* What happens to a TCP connection when it is dialled; one body for both families. */
#ifndef BPF_STEER_H
#define BPF_STEER_H

#include <asm-generic/errno.h>
#include <linux/in.h>
#include "addr.h"
#include "begin.h"
#include "find.h"
#include "hold.h"
#include "maps.h"
#include "proxy.h"
#include "tell.h"

static __always_inline const struct schedule *read_schedule(__u32 block)
{
	return bpf_map_lookup_elem(&schedules, &block);
}

static __always_inline __u64 read_active(__u32 slot)
{
	struct endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &slot);
	struct endpoint_state *state;
	__u32 index;

	if (!endpoint)
		return 0;
	index = endpoint->state;
	state = bpf_map_lookup_elem(&endpoint_state, &index);
	return state ? *(volatile __u64 *)&state->active : 0;
}

#include "pick.h"

enum steered { PASS, REWRITE, REFUSE };

/* The endpoint's address of the caller's family into dial->to. */
static __always_inline void aim(struct dial *dial, const struct endpoint *endpoint)
{
	if (dial->ipv6)
		__builtin_memcpy(dial->to.byte, endpoint->ipv6, 16);
	else
		addr_of_ip4(&dial->to, *(const __be32 *)endpoint->ipv4);
	dial->to_port = endpoint->port;
}

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
				      const struct cluster *cluster,
				      const struct endpoint *endpoint, __u64 epoch)
{
	flow_begin(ctx, flow, dial, route, endpoint ? FLOW_TO_ENDPOINT : FLOW_AS_DIALLED);
	flow->endpoint = endpoint ? endpoint->state : 0;
	flow->endpoint_generation = endpoint ? endpoint->generation : 0;
	__sync_lock_test_and_set(&flow->hold,
				 HOLD_HELD | arm_at_connect(ctx) | epoch | cluster->state |
					 (__u64)(cluster->generation & HOLD_GENERATION_MASK)
						 << HOLD_GENERATION_SHIFT);
}

/* Takes a turn of the route; NULL only when the maps contradict each other. */
static __always_inline const struct cluster *take_turn(const struct route *route)
{
	__u64 turn = 0;
	__u32 index;

	if (route->schedule_length) {
		__u32 slot = route->turn;
		struct turn *t = bpf_map_lookup_elem(&turns, &slot);

		if (!t)
			return NULL;
		turn = __sync_fetch_and_add(&t->next, 1);
	}
	index = route->first_cluster + pick_cluster(route, turn);
	return bpf_map_lookup_elem(&clusters, &index);
}

/* Picks one endpoint of a cluster that is reserved. NULL: none of this family. */
static __always_inline const struct endpoint *take_endpoint(const struct cluster *cluster,
							     struct cluster_state *state, int ipv6)
{
	__u64 next = 0, random = bpf_get_prandom_u32();
	__u32 slot;

	if (cluster->policy == POLICY_ROUND_ROBIN)
		next = __sync_fetch_and_add(&state->next, 1);
	else
		random |= (__u64)bpf_get_prandom_u32() << 32;
	slot = pick_endpoint(cluster, ipv6, next, random);
	return slot == PICK_NONE ? NULL : bpf_map_lookup_elem(&endpoints, &slot);
}

static __always_inline int refuse_no_endpoint(struct bpf_sock_addr *ctx, const struct dial *dial,
					       const struct cluster *cluster,
					       struct cluster_state *state)
{
	__sync_fetch_and_add(&state->refused_no_endpoint, 1);
	COUNT(refused_no_endpoint);
	tell(ctx, dial, EVENT_REFUSED_NO_ENDPOINT, cluster->state);
	return REFUSE;
}

static __always_inline int steer_to_cluster(struct bpf_sock_addr *ctx, struct dial *dial,
					     const struct route *route,
					     const struct cluster *cluster, struct flow *flow)
{
	__u64 epoch = hold_epoch(), one = active_one(epoch);
	const struct endpoint *endpoint = NULL;
	struct endpoint_state *endpoint_live;
	struct cluster_state *state;
	__u32 slot = cluster->state;

	state = bpf_map_lookup_elem(&cluster_state, &slot);
	if (!state)
		return REFUSE;
	if (cluster->policy != POLICY_PASSTHROUGH &&
	    !(dial->ipv6 ? cluster->nr_ipv6 : cluster->nr_ipv4))
		return refuse_no_endpoint(ctx, dial, cluster, state);
	if (!reserve(state, cluster->max_connections, one)) {
		__sync_fetch_and_add(&state->refused_limit, 1);
		COUNT(refused_limit);
		tell(ctx, dial, EVENT_REFUSED_LIMIT, cluster->state);
		return REFUSE;
	}
	if (cluster->policy != POLICY_PASSTHROUGH) {
		endpoint = take_endpoint(cluster, state, dial->ipv6);
		if (!endpoint) {
			__sync_fetch_and_add(&state->active, -one);
			return refuse_no_endpoint(ctx, dial, cluster, state);
		}
		slot = endpoint->state;
		endpoint_live = bpf_map_lookup_elem(&endpoint_state, &slot);
		if (endpoint_live) {
			__sync_fetch_and_add(&endpoint_live->active, one);
			__sync_fetch_and_add(&endpoint_live->opened, 1);
		}
		aim(dial, endpoint);
	}
	__sync_fetch_and_add(&state->opened, 1);
	COUNT(steered);
	hold_flow(ctx, flow, dial, route, cluster, endpoint, epoch);
	return endpoint ? REWRITE : PASS;
}

/* What the proxy's place is for. */
static __always_inline void fill_place(struct bpf_sock_addr *ctx, struct flow *flow,
				       const struct dial *dial)
{
	flow->netns = bpf_get_netns_cookie(ctx);
	flow->service = dial->key;
	__builtin_memcpy(flow->to, dial->key.address, 16);
	flow->to_port = dial->key.port;
	bpf_get_current_comm(flow->comm, sizeof(flow->comm));
	flow->phase = FLOW_CONNECTING;
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
		fill_place(ctx, flow, dial);
		return;
	}
	release(flow);
	flow->steered = FLOW_AS_DIALLED;
}

/* Loopback and the unspecified address, which means loopback. */
static __always_inline int is_local(const struct addr *a)
{
	if (addr_is_ip4(a))
		return a->byte[12] == 127 || !a->word[3];
	return !a->word[0] && !a->word[1] && !a->word[2] &&
	       (!a->word[3] || a->word[3] == bpf_htonl(1));
}

/* What is no service of the caller's. */
static __always_inline int pass_or_refuse(struct bpf_sock_addr *ctx, const struct dial *dial,
					  enum miss miss)
{
	struct addr a;

	if (miss == MISS_UNSTABLE) {
		COUNT(refused_unstable);
		return REFUSE;
	}
	__builtin_memcpy(a.byte, dial->key.address, 16);
	if (miss == MISS_REFUSE && !is_local(&a)) {
		COUNT(refused_unknown);
		tell(ctx, dial, EVENT_REFUSED_UNKNOWN, 0);
		return REFUSE;
	}
	COUNT(untouched);
	return PASS;
}

static __always_inline int steer(struct bpf_sock_addr *ctx, struct dial *dial)
{
	const struct cluster *cluster;
	const struct route *route;
	enum miss miss = MISS_PASS;
	struct flow *flow;

	forget_last(ctx, dial);
	route = find_scoped(ctx, dial, &miss);
	if (!route || route->kind == ROUTE_UNKNOWN)
		return pass_or_refuse(ctx, dial, miss);
	if (route->kind == ROUTE_UNTOUCHED || is_proxy()) {
		COUNT(untouched);
		return PASS;
	}
	if (route->flags & ROUTE_PROXIED && to_proxy(ctx, dial, route))
		return REWRITE;
	if (route->kind == ROUTE_REFUSE) {
		COUNT(refused_no_proxy);
		tell(ctx, dial, EVENT_REFUSED_NO_PROXY, 0);
		return REFUSE;
	}
	if (route->flags & ROUTE_PROXIED)
		COUNT(bypassed);
	cluster = take_turn(route);
	if (!cluster || cluster->flags & CLUSTER_UNKNOWN) {
		COUNT(refused_no_cluster);
		tell(ctx, dial, EVENT_REFUSED_NO_CLUSTER, cluster ? cluster->state : 0);
		return REFUSE;
	}
	flow = ctx->sk ? bpf_sk_storage_get(&flows, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE) : NULL;
	if (!flow) {
		COUNT(refused_no_memory);
		return REFUSE;
	}
	return steer_to_cluster(ctx, dial, route, cluster, flow);
}

#endif
