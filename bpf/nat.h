/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Other addresses and ports for a packet, with its checksums moved along by what changed (RFC 1624):
 * a sound packet stays sound, a broken one stays broken. By helpers for tc, where a checksum may
 * be left to the device (CHECKSUM_PARTIAL); by hand for XDP, where it may not.
 */
#ifndef BPF_NAT_H
#define BPF_NAT_H

#include <stddef.h>
#include "packet.h"

struct nat {
	struct addr from, to;
	__u16 from_port, to_port;
};

/* What a checksum has to be moved by. */
struct nat_sums {
	__u32 addresses;
	__u32 ports;
};

/* A sum of what stays and of its complement. */
#define NAT_SAME 0xffffffffU

struct nat_ports {
	__be16 from, to;
};

static __always_inline __u16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline void csum_move(__u16 *field, __u32 sum)
{
	__u64 moved = (__u64)(__u16)~*field + sum;

	moved = (moved & 0xffffffff) + (moved >> 32);
	*field = csum_fold(moved);
}

/* v4-mapped addresses differ in their last word alone, so this is right for both families. */
static __always_inline void nat_sums(const struct packet *p, const struct nat *n,
				     struct nat_sums *out)
{
	struct nat_ports old = {bpf_htons(p->from_port), bpf_htons(p->to_port)};
	struct nat_ports new = {bpf_htons(n->from_port), bpf_htons(n->to_port)};
	__u32 *x = (void *)&old, *y = (void *)&new;
	__u64 sum = 0;

	for (int i = 0; i < 4; i++) {
		sum += (__u64)n->from.word[i] + n->to.word[i];
		sum += (__u64)(__u32)~p->from.word[i] + (__u32)~p->to.word[i];
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	out->addresses = sum;
	sum = (__u64)*y + (__u32)~*x;
	sum = (sum & 0xffffffff) + (sum >> 32);
	out->ports = sum;
}

/* ---- tc ---- */

/* What an IPv4 header has one after the other, and so is stored at once. */
struct nat_ipv4 {
	__u16 check;
	__be32 from, to;
} __attribute__((packed));

static __always_inline int skb_nat_ipv4(struct __sk_buff *skb, const struct packet *p,
					const struct nat *n, const struct nat_sums *sums)
{
	struct nat_ipv4 h = {.from = n->from.word[3], .to = n->to.word[3]};
	__u16 check = p->check;

	csum_move(&check, sums->addresses);
	h.check = check;
	return bpf_skb_store_bytes(skb, p->l3 + offsetof(struct iphdr, check), &h, sizeof(h),
				   BPF_F_INVALIDATE_HASH);
}

static __always_inline int skb_nat_addresses(struct __sk_buff *skb, const struct packet *p,
					     const struct nat *n, const struct nat_sums *sums)
{
	struct addr both[2];

	if (!p->ipv6)
		return skb_nat_ipv4(skb, p, n, sums);
	/* No header checksum takes up the change: RECOMPUTE is for skb->csum. */
	both[0] = n->from;
	both[1] = n->to;
	return bpf_skb_store_bytes(skb, p->l3 + offsetof(struct ipv6hdr, saddr), both,
				   sizeof(both), BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH);
}

static __always_inline int skb_nat_ports(struct __sk_buff *skb, const struct packet *p,
					 const struct nat *n)
{
	struct nat_ports ports = {bpf_htons(n->from_port), bpf_htons(n->to_port)};

	return bpf_skb_store_bytes(skb, p->l4, &ports, sizeof(ports), BPF_F_INVALIDATE_HASH);
}

/* PACKET_FLOW, or PACKET_LATER: of that the addresses alone. < 0: the packet may be half changed
 * and has to be dropped. */
static __always_inline int skb_nat(struct __sk_buff *skb, struct packet *p, struct nat *n)
{
	int udp = p->protocol == IPPROTO_UDP;
	__u64 mark = udp ? BPF_F_MARK_MANGLED_0 : 0;
	struct nat_sums sums;
	__u32 at;

	nat_sums(p, n, &sums);
	if (p->kind == PACKET_FLOW) {
		at = p->l4 + (udp ? offsetof(struct udphdr, check) : offsetof(struct tcphdr, check));
		if (bpf_l4_csum_replace(skb, at, 0, sums.addresses, mark | BPF_F_PSEUDO_HDR))
			return -1;
		if (sums.ports != NAT_SAME &&
		    (bpf_l4_csum_replace(skb, at, 0, sums.ports, mark) ||
		     skb_nat_ports(skb, p, n)))
			return -1;
	}
	return skb_nat_addresses(skb, p, n, &sums);
}

/*
 * An ICMP error: the packet it quotes gets the addresses and ports of `in`, itself those of `out`
 * (whose ports do not count). The quoted transport checksum stays as it is: it cannot be
 * checked, as the packet is cut off.
 */
static __always_inline int skb_nat_error(struct __sk_buff *skb, struct packet *p, struct nat *out,
					 struct packet *inner, struct nat *in)
{
	struct nat_sums outer, quoted;
	__u32 at = p->l4 + offsetof(struct packet_icmp, checksum);

	out->from_port = p->from_port;
	out->to_port = p->to_port;
	nat_sums(p, out, &outer);
	nat_sums(inner, in, &quoted);
	/* ICMPv6 sums up the addresses of its own header; the quoted IPv4 header its own. */
	if (p->ipv6 &&
	    (bpf_l4_csum_replace(skb, at, 0, outer.addresses, BPF_F_PSEUDO_HDR) ||
	     bpf_l4_csum_replace(skb, at, 0, quoted.addresses, BPF_F_PSEUDO_HDR)))
		return -1;
	if (bpf_l4_csum_replace(skb, at, 0, quoted.ports, 0))
		return -1;
	if (skb_nat_ports(skb, inner, in))
		return -1;
	if (skb_nat_addresses(skb, inner, in, &quoted))
		return -1;
	return skb_nat_addresses(skb, p, out, &outer);
}

/* ---- XDP ---- */

static __always_inline int xdp_nat_addresses(void *data, void *end, const struct packet *p,
					     const struct nat *n, const struct nat_sums *sums)
{
	struct ipv6hdr *ip6 = data + (p->l3 & (PACKET_DEEPEST - 1));
	struct iphdr *ip = (void *)ip6;

	if (p->ipv6) {
		if (!packet_has(ip6, end))
			return -1;
		__builtin_memcpy(&ip6->saddr, n->from.byte, 16);
		__builtin_memcpy(&ip6->daddr, n->to.byte, 16);
		return 0;
	}
	if (!packet_has(ip, end))
		return -1;
	csum_move(&ip->check, sums->addresses);
	ip->saddr = n->from.word[3];
	ip->daddr = n->to.word[3];
	return 0;
}

static __always_inline int xdp_nat_ports(void *data, void *end, const struct packet *p,
					 const struct nat *n)
{
	struct nat_ports *ports = data + (p->l4 & (PACKET_DEEPEST - 1));

	if (!packet_has(ports, end))
		return -1;
	ports->from = bpf_htons(n->from_port);
	ports->to = bpf_htons(n->to_port);
	return 0;
}

static __always_inline int xdp_nat_sum(void *data, void *end, const struct packet *p, __u32 sum)
{
	void *l4 = data + (p->l4 & (PACKET_DEEPEST - 1));
	struct tcphdr *tcp = l4;
	struct udphdr *udp = l4;

	if (p->protocol == IPPROTO_TCP) {
		if (!packet_has(tcp, end))
			return -1;
		csum_move(&tcp->check, sum);
		return 0;
	}
	if (!packet_has(udp, end))
		return -1;
	if (!udp->check)
		return 0; /* none, RFC 768 */
	csum_move(&udp->check, sum);
	if (!udp->check)
		udp->check = 0xffff;
	return 0;
}

/* As skb_nat. */
static __always_inline int xdp_nat(void *data, void *end, struct packet *p, struct nat *n)
{
	struct nat_sums sums;
	__u64 both;

	nat_sums(p, n, &sums);
	if (p->kind == PACKET_FLOW) {
		both = (__u64)sums.addresses + sums.ports;
		both = (both & 0xffffffff) + (both >> 32);
		if (xdp_nat_sum(data, end, p, both) || xdp_nat_ports(data, end, p, n))
			return -1;
	}
	return xdp_nat_addresses(data, end, p, n, &sums);
}

/* As skb_nat_error. */
static __always_inline int xdp_nat_error(void *data, void *end, struct packet *p, struct nat *out,
					 struct packet *inner, struct nat *in)
{
	struct packet_icmp *icmp = data + (p->l4 & (PACKET_DEEPEST - 1));
	struct nat_sums outer, quoted;

	if (!packet_has(icmp, end))
		return -1;
	out->from_port = p->from_port;
	out->to_port = p->to_port;
	nat_sums(p, out, &outer);
	nat_sums(inner, in, &quoted);
	if (p->ipv6) {
		csum_move(&icmp->checksum, outer.addresses);
		csum_move(&icmp->checksum, quoted.addresses);
	}
	csum_move(&icmp->checksum, quoted.ports);
	if (xdp_nat_ports(data, end, inner, in))
		return -1;
	if (xdp_nat_addresses(data, end, inner, in, &quoted))
		return -1;
	return xdp_nat_addresses(data, end, p, out, &outer);
}

#endif
