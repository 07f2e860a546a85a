/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Both ways of a captured pod's packets: what it sends to a service goes where the decision says, what it
 * gets comes from the address that it dialled.
 */
#ifndef BPF_POD_H
#define BPF_POD_H

#include "decide.h"
#include "pod_proxy.h"
#include "sweep.h"
#include "translate.h"

/* ---- new connections ---- */

static __always_inline void dial_of(const struct packet *p, __u64 netns, struct dial *dial)
{
	__builtin_memset(dial, 0, sizeof(*dial));
	__builtin_memcpy(dial->key.address, p->to.byte, 16);
	dial->key.port = p->to_port;
	dial->key.protocol = p->protocol;
	dial->key.scope = SCOPE_ALL;
	dial->netns = netns;
	dial->from = p->from;
	dial->ipv6 = p->ipv6;
}

static __always_inline int refuse(struct __sk_buff *skb, struct packet *p)
{
	return p->protocol == IPPROTO_TCP ? answer_reset(skb, p) : answer_unreachable(skb, p);
}

/* A function that the verifier sees once; the next one's paths are not multiplied by its own. */
__noinline int decide_alone(struct dial *dial, const struct route *route, struct decision *out)
{
	return dial && route && out ? decide_end(dial, route, out) : REFUSE;
}

/* STEER or REFUSE. */
static __always_inline int steer_where(const struct captured *pod, struct steering *s)
{
	if (!(s->route.flags & ROUTE_PROXIED) || !pod_to_proxy(pod, &s->dial))
		return decide_alone(&s->dial, &s->route, &s->decision);
	COUNT(proxied);
	s->decision.hold = 0;
	s->decision.endpoint = 0;
	s->decision.endpoint_generation = 0;
	s->decision.steered = FLOW_TO_PROXY;
	return STEER;
}

/* Makes the record of what was decided known; its zone and plan are in it. -1: refused, and counted. */
__noinline int conn_enter(struct packet *p, struct dial *dial, struct decision *d, __u32 slot,
			  __u64 *word)
{
	struct conn *c = bpf_map_lookup_elem(&conns, &slot);

	if (!p || !dial || !d || !c)
		return -1;
	conn_fill(c, dial, p->from_port, d, c->zone, c->plan);
	__builtin_memcpy(c->as, hairpin(c) ? c->service.address : c->from, 16);
	c->as_port = p->from_port;
	if (!conn_publish(c, slot, word)) {
		if (c->steered == FLOW_TO_PROXY)
			conn_original_keep(c);
		return 0;
	}
	COUNT(refused_tracking);
	return -1;
}

/* A service's, in the middle of no connection: what it was has been forgotten. */
static __always_inline int stray(struct __sk_buff *skb, struct packet *p,
				 const struct route *route)
{
	if (!route || route->kind == ROUTE_UNKNOWN || route->kind == ROUTE_UNTOUCHED)
		return TC_ACT_UNSPEC;
	COUNT(no_connection);
	return answer_reset(skb, p);
}

/* The decision's end, and its record. Not below what finds the route: the stack is short. */
static __noinline int steer_found(struct __sk_buff *skb, const struct captured *pod,
				  struct steering *s)
{
	struct packet *p = &s->packet;
	struct conn *c;
	__u64 word = 0; /* kernels before 6.8 let no function write what is not set */

	c = conn_take(&s->slot);
	if (!c) {
		COUNT(refused_tracking);
		return refuse(skb, p);
	}
	c->zone = skb->ifindex;
	c->plan = s->route.plan;
	s->dial.to = p->to;
	s->dial.to_port = p->to_port;
	if (steer_where(pod, s) != STEER) {
		conn_give_back(s->slot);
		return refuse(skb, p);
	}
	if (conn_enter(p, &s->dial, &s->decision, s->slot, &word))
		return refuse(skb, p);
	sweep_arm();
	return translate(skb, p, word);
}

/* NOT_KNOWN: a service, whose route is in s. */
static __noinline int find_service(struct __sk_buff *skb, struct steering *s, __u64 netns)
{
	enum miss miss = MISS_PASS;
	const struct route *route;

	dial_of(&s->packet, netns, &s->dial);
	route = find_scoped(&s->dial, &miss);
	if (!opens(&s->packet))
		return stray(skb, &s->packet, route);
	switch (decide_found(&s->dial, route, miss)) {
	case PASS:
		return TC_ACT_UNSPEC;
	case REFUSE:
		return refuse(skb, &s->packet);
	default:
		if (!route)
			return TC_ACT_UNSPEC;
		s->route = *route;
		return NOT_KNOWN;
	}
}

/* ---- packets ---- */

/* A pod's broadcasts, and what belongs to a VLAN within it, are none of ours. */
static __always_inline int is_unicast(struct __sk_buff *skb, const struct packet *p)
{
	__u8 *link = (void *)(long)skb->data;

	return (void *)(link + 1) <= (void *)(long)skb->data_end && !(*link & 1) && !p->tags &&
	       !skb->vlan_present;
}

static __always_inline int sound(struct __sk_buff *skb, const struct packet *p)
{
	return packet_head_sound((void *)(long)skb->data, (void *)(long)skb->data_end, p);
}

static __always_inline int pass_malformed(void)
{
	COUNT(malformed);
	return TC_ACT_UNSPEC;
}

/* What the pod sends. A TC_ACT_*. */
static __always_inline int pod_sends(struct __sk_buff *skb)
{
	__u32 zone = skb->ifindex;
	struct captured *pod = bpf_map_lookup_elem(&captured, &zone);
	struct steering *s = steering_of(0);
	struct packet *p;
	int verdict;
	__u64 word;

	if (!pod || !s)
		return TC_ACT_UNSPEC;
	p = &s->packet;
	skb_read(skb, p);
	if (p->kind == PACKET_BAD)
		return pass_malformed();
	if (p->kind == PACKET_OTHER || !is_unicast(skb, p))
		return TC_ACT_UNSPEC;
	if (p->kind == PACKET_LATER)
		return translate_later(skb, p, 0);
	if (p->kind == PACKET_ERROR)
		return translate_error(skb, s, 0);
	if (p->protocol == IPPROTO_TCP && opens(p)) {
		word = find_word(p, zone);
		if (word != NO_WORD)
			return translate(skb, p, word);
	} else {
		verdict = follow(skb, p, 0);
		if (verdict != NOT_KNOWN)
			return verdict;
	}
	if (!pod->netns)
		return TC_ACT_UNSPEC;
	if (!sound(skb, p))
		return pass_malformed();
	verdict = find_service(skb, s, pod->netns);
	return verdict == NOT_KNOWN ? steer_found(skb, pod, s) : verdict;
}

/* What the pod gets. A TC_ACT_*. */
static __always_inline int pod_gets(struct __sk_buff *skb)
{
	struct steering *s = steering_of(1);
	struct packet *p;
	int verdict;

	if (!s)
		return TC_ACT_UNSPEC;
	p = &s->packet;
	skb_read(skb, p);
	if (p->tags || skb->vlan_present)
		return TC_ACT_UNSPEC;
	if (p->kind == PACKET_LATER)
		return translate_later(skb, p, 1);
	if (p->kind == PACKET_ERROR)
		return translate_error(skb, s, 1);
	if (p->kind != PACKET_FLOW)
		return TC_ACT_UNSPEC;
	verdict = follow(skb, p, 1);
	return verdict == NOT_KNOWN ? TC_ACT_UNSPEC : verdict;
}

#endif
