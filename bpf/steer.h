/* SPDX-License-Identifier: GPL-2.0 */
/* What happens to a TCP connection when it is dialled; one body for both families. */
#ifndef BPF_STEER_H
#define BPF_STEER_H

#include <asm-generic/errno.h>
#include <linux/in.h>
#include "addr.h"
#include "hold.h"
#include "maps.h"

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

#define ROUTE_TRIES 4

struct dial {
	struct service_key key; /* its address as dialled; v4-mapped counts as IPv4 */
	int ipv6;
	struct addr to; /* out: where it goes */
	__u16 to_port;
};

enum steered { PASS, REWRITE, REFUSE };

static __always_inline int key_equal(const struct service_key *a, const struct service_key *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

/* The route in force for a key; NULL: none. A record of another key or generation is one that was
 * recycled while we read: look again. *unstable: it never held still. */
static __always_inline const struct route *find_route(const struct service_key *key, int *unstable)
{
	for (int i = 0; i < ROUTE_TRIES; i++) {
		__u32 *slot = bpf_map_lookup_elem(&services, key), index;
		struct service *service;
		struct route *route;
		__u64 word;

		if (!slot)
			return NULL;
		index = *slot;
		service = bpf_map_lookup_elem(&service_slots, &index);
		if (service && key_equal(&service->key, key)) {
			word = *(volatile __u64 *)&service->word;
			index = word;
			route = bpf_map_lookup_elem(&routes, &index);
			if (route && route->generation == word >> 32)
				return route;
		}
		COUNT(stale_word);
	}
	*unstable = 1;
	return NULL;
}

/* The route for everyone, or the caller's own where the rules depend on who calls. */
static __always_inline const struct route *find_scoped(struct bpf_sock_addr *ctx,
							struct service_key *key, int *unstable)
{
	const struct route *route = find_route(key, unstable), *own;
	__u64 cookie;
	__u32 *scope;

	if (!route || !(route->flags & ROUTE_SCOPED))
		return route;
	cookie = bpf_get_netns_cookie(ctx);
	scope = bpf_map_lookup_elem(&scopes, &cookie);
	if (!scope) {
		COUNT(unknown_caller);
		return route;
	}
	key->scope = *scope;
	own = find_route(key, unstable);
	if (own)
		return own;
	key->scope = SCOPE_ALL; /* none, or it stopped to depend on the caller while we looked */
	return find_route(key, unstable);
}

static __always_inline void tell(struct bpf_sock_addr *ctx, const struct dial *dial, int kind,
				 __u32 cluster)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		COUNT(events_lost);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->time = bpf_ktime_get_ns();
	e->netns = bpf_get_netns_cookie(ctx);
	e->service = dial->key;
	e->cluster = cluster;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->kind = kind;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
}

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
	flow->layout = SHUNT_LAYOUT;
	flow->plan = route->plan;
	flow->since = bpf_ktime_get_ns();
	flow->netns = bpf_get_netns_cookie(ctx);
	flow->service = dial->key;
	__builtin_memcpy(flow->to, dial->to.byte, 16);
	flow->to_port = dial->to_port;
	flow->phase = FLOW_CONNECTING;
	flow->steered = endpoint != NULL;
	flow->endpoint = endpoint ? endpoint->state : 0;
	flow->endpoint_generation = endpoint ? endpoint->generation : 0;
	flow->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(flow->comm, sizeof(flow->comm));
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

/* A socket that connects again gives up what its last connection held. */
static __always_inline void forget_last(struct bpf_sock_addr *ctx)
{
	struct flow *flow;

	if (!ctx->sk)
		return;
	flow = bpf_sk_storage_get(&flows, ctx->sk, 0, 0);
	if (!flow)
		return;
	release(flow);
	flow->steered = 0;
}

static __always_inline int steer(struct bpf_sock_addr *ctx, struct dial *dial)
{
	const struct cluster *cluster;
	const struct route *route;
	struct flow *flow;
	int unstable = 0;

	forget_last(ctx);
	route = find_scoped(ctx, &dial->key, &unstable);
	if (unstable) {
		COUNT(refused_unstable);
		return REFUSE;
	}
	if (!route || route->kind == ROUTE_UNTOUCHED) {
		COUNT(untouched);
		return PASS;
	}
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
