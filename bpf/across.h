/* SPDX-License-Identifier: GPL-2.0 */
/* Packets that leave at once, past the kernel's routing: one hop further, to the neighbour it names. */
#ifndef BPF_ACROSS_H
#define BPF_ACROSS_H

#include "north_south.h"

/* ---- XDP ---- */

/* -1: it has no hop left. */
static __always_inline int xdp_hop(void *data, void *end, const struct packet *p)
{
	struct ipv6hdr *ip6 = data + (p->l3 & (PACKET_DEEPEST - 1));
	struct iphdr *ip = (void *)ip6;

	if (p->ipv6) {
		if (!packet_has(ip6, end) || ip6->hop_limit <= 1)
			return -1;
		ip6->hop_limit--;
		return 0;
	}
	if (!packet_has(ip, end) || ip->ttl <= 1)
		return -1;
	ip->ttl--;
	csum_move(&ip->check, (__u16)~bpf_htons(0x100)); /* RFC 1624: one less in the upper byte */
	return 0;
}

static __always_inline int xdp_across(void *data, void *end, struct passing *w)
{
	const struct bpf_fib_lookup *fib = &w->fib;
	struct ethhdr *eth = data;

	if (!packet_has(eth, end) || xdp_hop(data, end, &w->packet))
		return -1;
	__builtin_memcpy(eth->h_dest, fib->dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, fib->smac, ETH_ALEN);
	return 0;
}

/* ---- tc ---- */

static __always_inline int skb_hop(struct __sk_buff *skb, const struct packet *p)
{
	__u32 at = p->l3 + (p->ipv6 ? offsetof(struct ipv6hdr, hop_limit) :
				      offsetof(struct iphdr, ttl));
	__u16 old, new;
	__u8 ttl;

	if (bpf_skb_load_bytes(skb, at, &old, sizeof(old)))
		return -1;
	ttl = *(__u8 *)&old;
	if (ttl <= 1)
		return -1;
	ttl--;
	new = old;
	*(__u8 *)&new = ttl;
	if (!p->ipv6 && bpf_l3_csum_replace(skb, p->l3 + offsetof(struct iphdr, check), old, new, 2))
		return -1;
	return bpf_skb_store_bytes(skb, at, &ttl, sizeof(ttl), p->ipv6 ? BPF_F_RECOMPUTE_CSUM : 0);
}

/* The neighbour is asked for when the kernel does not know it. */
static __always_inline int skb_across(const struct bpf_fib_lookup *fib)
{
	struct bpf_redir_neigh next;

	__builtin_memset(&next, 0, sizeof(next));
	next.nh_family = fib->family;
	if (fib->family == AF_INET)
		next.ipv4_nh = fib->ipv4_dst;
	else
		__builtin_memcpy(next.ipv6_nh, fib->ipv6_dst, 16);
	return bpf_redirect_neigh(fib->ifindex, &next, sizeof(next), 0);
}

#endif
