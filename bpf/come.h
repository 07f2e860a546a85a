/* SPDX-License-Identifier: GPL-2.0 */
/* New connections of callers from outside of the node. */
#ifndef BPF_COME_H
#define BPF_COME_H

#include "passing.h"

/* The address of the node for a caller whose endpoint is behind the device. 0: it has none. */
static __always_inline int stand_in(const struct packet *p, const struct node_device *out,
				    struct conn *c)
{
	struct addr own;

	if (p->ipv6)
		__builtin_memcpy(own.byte, out->ipv6, 16);
	else
		addr_of_ip4(&own, *(__be32 *)out->ipv4);
	if (!own.word[3])
		return 0;
	__builtin_memcpy(c->as, own.byte, 16);
	c->as_port = CONN_PORT_FIRST + pick_below(bpf_get_prandom_u32(), CONN_PORTS);
	return 1;
}

/* As whom its endpoint sees the caller. 0: there is no way to it. */
static __always_inline int show_caller(void *ctx, struct passing *w, struct conn *c)
{
	const struct packet *p = &w->packet;
	struct node_device *out;
	long found;

	__builtin_memcpy(c->as, p->from.byte, 16);
	c->as_port = p->from_port;
	found = look_route(ctx, w, &p->from, &w->dial.to);
	if (found == BPF_FIB_LKUP_RET_BLACKHOLE || found == BPF_FIB_LKUP_RET_UNREACHABLE ||
	    found == BPF_FIB_LKUP_RET_PROHIBIT)
		return 0;
	if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH &&
	    found != BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return 1; /* on the node itself; or it does not forward, and the kernel will tell */
	out = node_device_of(w->fib.ifindex);
	return out ? stand_in(p, out, c) : 1;
}

/* It was decided, and nobody has seen it. */
static __always_inline void take_back(__u32 slot, const struct decision *d)
{
	unreserve(d->hold, d->endpoint, d->endpoint_generation);
	COUNT(closed);
	conn_give_back(slot);
}

/* A connection to be published; NULL: *verdict says what becomes of the packet. */
static __always_inline struct conn *open_conn(void *ctx, struct passing *w,
					       const struct route *route,
					       enum passage *verdict)
{
	struct decision *d = &w->decision;
	struct conn *c;

	*verdict = DISCARD;
	c = conn_take(&w->slot);
	if (!c) {
		COUNT(refused_tracking);
		return NULL;
	}
	if (decide_end(&w->dial, route, d) != STEER) {
		conn_give_back(w->slot);
		*verdict = TURN_BACK;
		return NULL;
	}
	if (d->steered != FLOW_TO_ENDPOINT) {
		take_back(w->slot, d);
		*verdict = AS_IS;
		return NULL;
	}
	if (!show_caller(ctx, w, c)) {
		COUNT(no_way);
		take_back(w->slot, d);
		return NULL;
	}
	conn_fill(c, &w->dial, w->packet.from_port, d, 0, route->plan);
	return c;
}

static __always_inline void dial_of(const struct packet *p, struct dial *dial)
{
	__builtin_memset(dial, 0, sizeof(*dial));
	__builtin_memcpy(dial->key.address, p->to.byte, 16);
	dial->key.port = p->to_port;
	dial->key.protocol = p->protocol;
	dial->key.scope = SCOPE_OUTSIDE;
	dial->from = p->from;
	dial->ipv6 = p->ipv6;
}

/* A service for callers from outside; else it is the node's own traffic. */
static __noinline struct conn *come_to_service(void *ctx, void *data, void *end,
					       struct passing *w, enum passage *verdict)
{
	const struct route *route;
	__u64 word;

	*verdict = AS_IS;
	dial_of(&w->packet, &w->dial);
	word = find_exact(&w->dial.key);
	route = route_of(word);
	if (!route && word != WORD_NONE) {
		COUNT(refused_unstable);
		*verdict = DISCARD;
	}
	if (!route || route->kind == ROUTE_UNTOUCHED || route->kind == ROUTE_UNKNOWN)
		return NULL;
	if (!is_for_node(data, end, w)) {
		*verdict = AS_IS;
		return NULL;
	}
	if (!packet_head_sound(data, end, &w->packet)) {
		COUNT(malformed);
		return NULL;
	}
	if (w->packet.protocol == IPPROTO_TCP && !is_syn(&w->packet)) {
		COUNT(no_connection);
		*verdict = TURN_BACK;
		return NULL;
	}
	return open_conn(ctx, w, route, verdict);
}

#endif
