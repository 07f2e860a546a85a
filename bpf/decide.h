/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What becomes of a connection: the same for sockets and for packets. First its route; then, when
 * whoever asks has a place for the record of the flow, its end: cluster, reservation, endpoint.
 */
#ifndef BPF_DECIDE_H
#define BPF_DECIDE_H

#include <linux/in.h>
#include "choose.h"
#include "dial.h"
#include "find.h"
#include "hold.h"
#include "maps.h"
#include "tell.h"

enum verdict {
	PASS,	/* as dialled */
	REFUSE, /* counted and told */
	PROXY,	/* the L7 proxy takes it, else its end is decided */
	STEER,	/* its end is decided */
};

/* What was decided and counted; goes into the record of the flow, which returns `hold` in the end. */
struct decision {
	__u64 hold; /* HOLD_HELD and what it counts in; see shunt/flow.h */
	__u32 endpoint; /* slot in endpoint_state, and its generation */
	__u32 endpoint_generation;
	__u8 steered; /* FLOW_TO_ENDPOINT, or FLOW_AS_DIALLED */
};

static __always_inline enum verdict refuse_no_endpoint(const struct dial *dial,
							const struct cluster *cluster,
							struct cluster_state *state)
{
	__sync_fetch_and_add(&state->refused_no_endpoint, 1);
	COUNT(refused_no_endpoint);
	tell(dial, EVENT_REFUSED_NO_ENDPOINT, cluster->state);
	return REFUSE;
}

static __always_inline void count_endpoint(const struct endpoint *endpoint, __u64 one)
{
	__u32 slot = endpoint->state;
	struct endpoint_state *state = bpf_map_lookup_elem(&endpoint_state, &slot);

	if (!state)
		return;
	__sync_fetch_and_add(&state->active, one);
	__sync_fetch_and_add(&state->opened, 1);
}

static __always_inline enum verdict decide_cluster(struct dial *dial, const struct cluster *cluster,
						    struct decision *out)
{
	__u64 epoch = hold_epoch(), one = active_one(epoch);
	const struct endpoint *endpoint;
	struct cluster_state *state;
	__u32 slot = cluster->state;

	state = bpf_map_lookup_elem(&cluster_state, &slot);
	if (!state)
		return REFUSE;
	if (cluster->policy != POLICY_PASSTHROUGH &&
	    !pick_has(cluster, dial->ipv6))
		return refuse_no_endpoint(dial, cluster, state);
	if (!reserve(state, cluster->max_connections, one)) {
		__sync_fetch_and_add(&state->refused_limit, 1);
		COUNT(refused_limit);
		tell(dial, EVENT_REFUSED_LIMIT, cluster->state);
		return REFUSE;
	}
	if (cluster->policy != POLICY_PASSTHROUGH) {
		endpoint = choose_endpoint(dial, cluster, state);
		if (!endpoint) {
			__sync_fetch_and_add(&state->active, -one);
			return refuse_no_endpoint(dial, cluster, state);
		}
		count_endpoint(endpoint, one);
		__builtin_memcpy(dial->to.byte, endpoint->address, 16);
		dial->to_port = endpoint->port;
		out->endpoint = endpoint->state;
		out->endpoint_generation = endpoint->generation;
		out->steered = FLOW_TO_ENDPOINT;
	}
	__sync_fetch_and_add(&state->opened, 1);
	COUNT(steered);
	out->hold = HOLD_HELD | epoch | cluster->state |
		    (__u64)(cluster->generation & HOLD_GENERATION_MASK) << HOLD_GENERATION_SHIFT;
	return STEER;
}

/* Loopback and the unspecified address, which means loopback. */
static __always_inline int is_local(const struct addr *a)
{
	if (addr_is_ip4(a))
		return a->byte[12] == 127 || !a->word[3];
	return !a->word[0] && !a->word[1] && !a->word[2] &&
	       (!a->word[3] || a->word[3] == bpf_htonl(1));
}

/* What is no service of the caller's. A datagram may be an answer to one that nobody has seen. */
static __always_inline enum verdict pass_or_refuse(const struct dial *dial, enum miss miss)
{
	struct addr a;

	if (miss == MISS_UNSTABLE) {
		COUNT(refused_unstable);
		return REFUSE;
	}
	__builtin_memcpy(a.byte, dial->key.address, 16);
	if (miss == MISS_REFUSE && dial->key.protocol == IPPROTO_TCP && !is_local(&a)) {
		COUNT(refused_unknown);
		tell(dial, EVENT_REFUSED_UNKNOWN, 0);
		return REFUSE;
	}
	COUNT(untouched);
	return PASS;
}

/* `route`: NULL, or what was found for it. */
static __always_inline enum verdict decide_found(const struct dial *dial, const struct route *route,
						  enum miss miss)
{
	if (!route || route->kind == ROUTE_UNKNOWN)
		return pass_or_refuse(dial, miss);
	if (route->kind == ROUTE_UNTOUCHED) {
		COUNT(untouched);
		return PASS;
	}
	return route->flags & ROUTE_PROXIED ? PROXY : STEER;
}

/* PROXY or STEER, with *out; PASS and REFUSE are the end of it. */
static __always_inline enum verdict decide_route(struct dial *dial, const struct route **out)
{
	enum miss miss = MISS_PASS;
	const struct route *route = find_scoped(dial, &miss);
	enum verdict verdict = decide_found(dial, route, miss);

	if (verdict == PROXY || verdict == STEER)
		*out = route;
	return verdict;
}

/* Of a route that the proxy does not take, or cannot. STEER: out->steered says where to, and its
 * hold is the caller's to return. */
static __always_inline enum verdict decide_end(struct dial *dial, const struct route *route,
						struct decision *out)
{
	const struct cluster *cluster;

	out->hold = 0;
	out->endpoint = 0;
	out->endpoint_generation = 0;
	out->steered = FLOW_AS_DIALLED;
	if (route->kind == ROUTE_REFUSE) {
		COUNT(refused_no_proxy);
		tell(dial, EVENT_REFUSED_NO_PROXY, 0);
		return REFUSE;
	}
	if (route->flags & ROUTE_PROXIED)
		COUNT(bypassed);
	cluster = take_turn(route);
	if (!cluster || cluster->flags & CLUSTER_UNKNOWN) {
		COUNT(refused_no_cluster);
		tell(dial, EVENT_REFUSED_NO_CLUSTER, cluster ? cluster->state : 0);
		return REFUSE;
	}
	return decide_cluster(dial, cluster, out);
}

#endif
