/* SPDX-License-Identifier: GPL-2.0 */
/* What a caller is told by XDP when its connection goes nowhere: a TCP reset, as answer.h has it. */
#ifndef BPF_XDP_ANSWER_H
#define BPF_XDP_ANSWER_H

#include "answer.h"

/* The lengths and addresses of what goes back; the sum of the addresses stays. -1: too short. */
static __always_inline int xdp_turn_ip(void *data, void *end, const struct packet *p)
{
	struct ipv6hdr *ip6 = data + (p->l3 & (PACKET_DEEPEST - 1));
	struct iphdr *ip = (void *)ip6;
	__u16 was;

	if (p->ipv6) {
		if (!packet_has(ip6, end))
			return -1;
		ip6->payload_len = bpf_htons(p->l4 - p->l3 - sizeof(*ip6) + sizeof(struct tcphdr));
		__builtin_memcpy(&ip6->saddr, p->to.byte, 16);
		__builtin_memcpy(&ip6->daddr, p->from.byte, 16);
		return 0;
	}
	if (!packet_has(ip, end))
		return -1;
	was = ip->tot_len;
	ip->tot_len = bpf_htons(p->l4 - p->l3 + sizeof(struct tcphdr));
	csum_move(&ip->check, (__u32)(__u16)~was + ip->tot_len);
	ip->saddr = p->to.word[3];
	ip->daddr = p->from.word[3];
	return 0;
}

/* RFC 9293, 3.10.7.1 */
static __always_inline int xdp_turn_tcp(void *data, void *end, const struct packet *p)
{
	struct tcphdr *tcp = data + (p->l4 & (PACKET_DEEPEST - 1)), was;
	__u32 bytes = p->length - (p->l4 - p->l3);

	if (!packet_has(tcp, end))
		return -1;
	was = *tcp;
	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->source = was.dest;
	tcp->dest = was.source;
	tcp->doff = sizeof(*tcp) / 4;
	tcp->rst = 1;
	if (was.ack) {
		tcp->seq = was.ack_seq;
	} else {
		tcp->ack = 1;
		tcp->ack_seq = bpf_htonl(bpf_ntohl(was.seq) + was.syn + was.fin + bytes - p->head);
	}
	was = *tcp;
	tcp->check = csum_fold(bpf_csum_diff(NULL, 0, (void *)&was, sizeof(was),
					     pseudo_sum(p, IPPROTO_TCP, sizeof(was))));
	return 0;
}

static __always_inline int xdp_turn_link(void *data, void *end)
{
	struct ethhdr *eth = data;
	__u8 to[ETH_ALEN];

	if (!packet_has(eth, end))
		return -1;
	__builtin_memcpy(to, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, to, ETH_ALEN);
	return 0;
}

/* The packet itself becomes the answer. -1: there is none. */
static __noinline int xdp_answer_reset(struct xdp_md *ctx, const struct packet *p)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (p->protocol != IPPROTO_TCP || p->flags & TCP_RST || !p->length)
		return -1;
	if (xdp_turn_tcp(data, end, p) || xdp_turn_ip(data, end, p) || xdp_turn_link(data, end))
		return -1;
	return bpf_xdp_adjust_tail(ctx, (int)(p->l4 + sizeof(struct tcphdr)) - (int)(end - data)) ?
		       -1 : 0;
}

#endif
