/* SPDX-License-Identifier: GPL-2.0 */
/* The hooks at a device of the node: what XDP and tc do with a packet of callers from outside. */
#ifndef BPF_OUTSIDE_H
#define BPF_OUTSIDE_H

#include "across.h"
#include "answer.h"
#include "quick.h"
#include "xdp_answer.h"

static __noinline int xdp_translate(void *data, void *end, struct passing *w)
{
	if (w->packet.kind == PACKET_ERROR)
		return xdp_nat_error(data, end, &w->packet, &w->nat, &w->inner, &w->inner_nat);
	return xdp_nat(data, end, &w->packet, &w->nat);
}

static __noinline int skb_translate(struct __sk_buff *skb, struct passing *w)
{
	if (w->packet.kind == PACKET_ERROR)
		return skb_nat_error(skb, &w->packet, &w->nat, &w->inner, &w->inner_nat);
	return skb_nat(skb, &w->packet, &w->nat);
}

/* The packet in a frame, and the one that it quotes. */
static __always_inline void passing_read(void *data, void *end, __u32 total, struct passing *w)
{
	packet_read(data, end, total, &w->packet);
	if (w->packet.kind == PACKET_ERROR)
		packet_read_inner(data, end, &w->packet, &w->inner);
}

static __always_inline struct passing *passing_of(__u32 at, __u32 device)
{
	struct passing *w = bpf_map_lookup_elem(&passings, &at);

	if (w)
		w->device = device;
	return w;
}

/* A packet of a connection that is to go across, by the driver alone. */
static __always_inline int xdp_can_cross(struct xdp_md *ctx, struct passing *w)
{
	return look_route(ctx, w, &w->nat.from, &w->nat.to) == BPF_FIB_LKUP_RET_SUCCESS &&
	       w->fib.ifindex == w->device;
}

static __always_inline int driver_gets(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	enum passage passage;
	struct counted counted;
	struct passing *w;

	if (quick_translate(data, end))
		return XDP_PASS;
	w = passing_of(AT_XDP, ctx->ingress_ifindex);
	if (!w)
		return XDP_PASS;
	passing_read(data, end, end - data, w);
	passage = passing_in(ctx, data, end, w, &counted);
	if (passage == AS_IS)
		return XDP_PASS;
	if (passage == DISCARD)
		return XDP_DROP;
	if (passage == TURN_BACK)
		return xdp_answer_reset(ctx, &w->packet) ? XDP_DROP : XDP_TX;
	if (passage == ACROSS && !xdp_can_cross(ctx, w))
		return XDP_PASS; /* tc asks for the neighbour, or has another device */
	passing_count(w, &counted);
	if (xdp_translate(data, end, w) || (passage == ACROSS && xdp_across(data, end, w))) {
		COUNT(untranslated);
		return XDP_DROP;
	}
	return passage == ACROSS ? XDP_TX : XDP_PASS;
}

/* Headers by direct access, as XDP has them. */
static __always_inline void skb_pull_head(struct __sk_buff *skb)
{
	__u32 head = skb->len < PACKET_HEAD ? skb->len : PACKET_HEAD;

	if ((void *)(long)skb->data + head > (void *)(long)skb->data_end)
		bpf_skb_pull_data(skb, head);
}

static __always_inline int skb_turn_back(struct __sk_buff *skb, struct packet *p)
{
	return p->protocol == IPPROTO_TCP ? answer_reset(skb, p) : answer_unreachable(skb, p);
}

/* Towards the neighbour that the kernel names, who is asked for when it is not known. */
static __always_inline int skb_pass(struct __sk_buff *skb, struct passing *w,
				    struct counted *counted, enum passage passage)
{
	long found = 0;

	if (passage == ACROSS)
		found = look_route(skb, w, &w->nat.from, &w->nat.to);
	if (found && found != BPF_FIB_LKUP_RET_NO_NEIGH) {
		COUNT(no_way);
		return TC_ACT_SHOT;
	}
	passing_count(w, counted);
	if (skb_translate(skb, w) || (passage == ACROSS && skb_hop(skb, &w->packet))) {
		COUNT(untranslated);
		return TC_ACT_SHOT;
	}
	return passage == ACROSS ? skb_across(&w->fib) : TC_ACT_UNSPEC;
}

static __always_inline int node_gets(struct __sk_buff *skb)
{
	struct passing *w = passing_of(AT_IN, skb->ifindex);
	enum passage passage;
	void *data, *end;
	struct counted counted;

	if (!w || skb->vlan_present)
		return TC_ACT_UNSPEC;
	skb_pull_head(skb);
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	passing_read(data, end, skb->len, w);
	passage = passing_in(skb, data, end, w, &counted);
	if (passage == AS_IS)
		return TC_ACT_UNSPEC;
	if (passage == DISCARD)
		return TC_ACT_SHOT;
	if (passage == TURN_BACK)
		return skb_turn_back(skb, &w->packet);
	return skb_pass(skb, w, &counted, passage);
}

static __always_inline int node_sends(struct __sk_buff *skb)
{
	struct passing *w = passing_of(AT_OUT, skb->ifindex);
	struct counted counted;

	if (!w || skb->vlan_present)
		return TC_ACT_UNSPEC;
	skb_pull_head(skb);
	passing_read((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len, w);
	if (passing_out(w, &counted) == AS_IS)
		return TC_ACT_UNSPEC;
	return skb_pass(skb, w, &counted, ONWARD);
}

#endif
