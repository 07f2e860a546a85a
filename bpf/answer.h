/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a captured pod is told when its packet goes nowhere: a TCP reset, or that the UDP port is not
 * reachable, from the address it dialled. The packet itself is made into the answer and goes back
 * where it came from.
 */
#ifndef BPF_ANSWER_H
#define BPF_ANSWER_H

#include <linux/pkt_cls.h>
#include "nat.h"

/* 1: back out of the device at which it came in, with the link's addresses exchanged. */
static __always_inline int answer_back(struct __sk_buff *skb)
{
	__u8 link[12], back[12];

	if (bpf_skb_load_bytes(skb, 0, link, sizeof(link)))
		return TC_ACT_SHOT;
	__builtin_memcpy(back, link + 6, 6);
	__builtin_memcpy(back + 6, link, 6);
	if (bpf_skb_store_bytes(skb, 0, back, sizeof(back), 0))
		return TC_ACT_SHOT;
	return bpf_redirect(skb->ifindex, 0);
}

/* Of the pseudo header that transport checksums begin with; not complemented. */
static __always_inline __u32 pseudo_sum(const struct packet *p, __u32 protocol, __u32 length)
{
	__u64 sum = 0;

	for (int i = p->ipv6 ? 0 : 3; i < 4; i++)
		sum += (__u64)p->from.word[i] + p->to.word[i];
	sum += bpf_htonl(protocol);
	sum += bpf_htonl(length);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (sum & 0xffffffff) + (sum >> 32);
}

static __always_inline int swap_addresses(struct __sk_buff *skb, struct packet *p)
{
	struct nat back = {.from = p->to, .to = p->from};
	struct nat_sums none = {0};

	return skb_nat_addresses(skb, p, &back, &none); /* the same sum the other way round */
}

/* The IP packet now has so many bytes behind its own headers. */
static __always_inline int set_length(struct __sk_buff *skb, const struct packet *p, __u32 bytes)
{
	__be16 old, new;
	__u32 at;

	if (p->ipv6) {
		new = bpf_htons(p->l4 - p->l3 - sizeof(struct ipv6hdr) + bytes);
		return bpf_skb_store_bytes(skb, p->l3 + offsetof(struct ipv6hdr, payload_len), &new,
					   2, 0);
	}
	at = p->l3 + offsetof(struct iphdr, tot_len);
	new = bpf_htons(p->l4 - p->l3 + bytes);
	if (bpf_skb_load_bytes(skb, at, &old, 2) ||
	    bpf_l3_csum_replace(skb, p->l3 + offsetof(struct iphdr, check), old, new, 2))
		return -1;
	return bpf_skb_store_bytes(skb, at, &new, 2, 0);
}

/* RFC 9293, 3.10.7.1. A checksum that was left to the device stays so. */
static __always_inline int reset_header(struct __sk_buff *skb, const struct packet *p,
					struct tcphdr *out)
{
	__u32 bytes = p->length - (p->l4 - p->l3), sum = pseudo_sum(p, IPPROTO_TCP, bytes);
	struct tcphdr tcp;
	int partial;

	if (bpf_skb_load_bytes(skb, p->l4, &tcp, sizeof(tcp)))
		return -1;
	partial = tcp.check == (__u16)~csum_fold(sum);
	__builtin_memset(out, 0, sizeof(*out));
	out->source = tcp.dest;
	out->dest = tcp.source;
	out->doff = sizeof(*out) / 4;
	out->rst = 1;
	if (tcp.ack) {
		out->seq = tcp.ack_seq;
	} else {
		out->ack = 1;
		out->ack_seq = bpf_htonl(bpf_ntohl(tcp.seq) + tcp.syn + tcp.fin + bytes - p->head);
	}
	sum = pseudo_sum(p, IPPROTO_TCP, sizeof(*out));
	if (partial)
		out->check = ~csum_fold(sum);
	else
		out->check = csum_fold(bpf_csum_diff(NULL, 0, (void *)out, sizeof(*out), sum));
	return 0;
}

__noinline int answer_reset(struct __sk_buff *skb, struct packet *p)
{
	struct tcphdr tcp;

	if (!p || p->flags & TCP_RST || !p->length || reset_header(skb, p, &tcp))
		return TC_ACT_SHOT;
	if (bpf_skb_change_tail(skb, p->l4 + sizeof(tcp), 0) ||
	    bpf_skb_store_bytes(skb, p->l4, &tcp, sizeof(tcp), BPF_F_INVALIDATE_HASH) ||
	    swap_addresses(skb, p) || set_length(skb, p, sizeof(tcp)))
		return TC_ACT_SHOT;
	return answer_back(skb);
}

#define QUOTED 8 /* bytes of the packet behind its IP header */

struct unreachable4 {
	struct iphdr ip;
	struct packet_icmp icmp;
};
struct unreachable6 {
	struct ipv6hdr ip;
	struct packet_icmp icmp;
};

static __always_inline int unreachable4(struct __sk_buff *skb, struct packet *p)
{
	struct unreachable4 h = {
		.ip.version = 4,
		.ip.ihl = 5,
		.ip.tot_len = bpf_htons(sizeof(h) + sizeof(h.ip) + QUOTED),
		.ip.ttl = 64,
		.ip.protocol = IPPROTO_ICMP,
		.ip.saddr = p->to.word[3],
		.ip.daddr = p->from.word[3],
		.icmp.type = 3,
		.icmp.code = 3,
	};
	__u8 quoted[sizeof(h.ip) + QUOTED];
	__u32 sum;

	if (bpf_skb_load_bytes(skb, p->l3, quoted, sizeof(quoted)))
		return -1;
	h.ip.check = csum_fold(bpf_csum_diff(NULL, 0, (void *)&h.ip, sizeof(h.ip), 0));
	sum = bpf_csum_diff(NULL, 0, (void *)&h.icmp, sizeof(h.icmp), 0);
	h.icmp.checksum = csum_fold(bpf_csum_diff(NULL, 0, (void *)quoted, sizeof(quoted), sum));
	if (bpf_skb_adjust_room(skb, sizeof(h), BPF_ADJ_ROOM_MAC, 0))
		return -1;
	return bpf_skb_store_bytes(skb, p->l3, &h, sizeof(h), BPF_F_INVALIDATE_HASH);
}

static __always_inline int unreachable6(struct __sk_buff *skb, struct packet *p)
{
	struct unreachable6 h = {
		.ip.version = 6,
		.ip.payload_len = bpf_htons(sizeof(h.icmp) + sizeof(h.ip) + QUOTED),
		.ip.nexthdr = IPPROTO_ICMPV6,
		.ip.hop_limit = 64,
		.icmp.type = 1,
		.icmp.code = 4,
	};
	__u8 quoted[sizeof(h.ip) + QUOTED];
	__u32 sum;

	__builtin_memcpy(&h.ip.saddr, p->to.byte, 16);
	__builtin_memcpy(&h.ip.daddr, p->from.byte, 16);
	if (bpf_skb_load_bytes(skb, p->l3, quoted, sizeof(quoted)))
		return -1;
	sum = pseudo_sum(p, IPPROTO_ICMPV6, sizeof(h.icmp) + sizeof(quoted));
	sum = bpf_csum_diff(NULL, 0, (void *)&h.icmp, sizeof(h.icmp), sum);
	h.icmp.checksum = csum_fold(bpf_csum_diff(NULL, 0, (void *)quoted, sizeof(quoted), sum));
	if (bpf_skb_adjust_room(skb, sizeof(h), BPF_ADJ_ROOM_MAC, 0))
		return -1;
	return bpf_skb_store_bytes(skb, p->l3, &h, sizeof(h), BPF_F_INVALIDATE_HASH);
}

/* A packet with IP options or extension headers is dropped without a word. */
__noinline int answer_unreachable(struct __sk_buff *skb, struct packet *p)
{
	__u32 head;

	if (!p)
		return TC_ACT_SHOT;
	head = p->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	if (p->l4 - p->l3 != head || bpf_skb_change_tail(skb, p->l4 + QUOTED, 0))
		return TC_ACT_SHOT;
	if (p->ipv6 ? unreachable6(skb, p) : unreachable4(skb, p))
		return TC_ACT_SHOT;
	return answer_back(skb);
}

#endif
