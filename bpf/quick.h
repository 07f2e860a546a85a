/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Most packets from outside at the driver: plain IPv4 of a connection that is open, with an endpoint on
 * the node, that tell nothing new of it. Each byte is looked at once. Whatever is not so takes the
 * long way, which decides the same of these.
 */
#ifndef BPF_QUICK_H
#define BPF_QUICK_H

#include "follow.h"

#define PLAIN_IPV4 0x45 /* version 4, a header of 20 bytes */

struct quick_head {
	struct ethhdr eth;
	struct iphdr ip;
	struct nat_ports ports;
} __attribute__((packed));

/* Its checksum; NULL: it is malformed, or opens or ends something. */
static __always_inline __u16 *quick_check(struct quick_head *h, void *end, __u32 length)
{
	struct tcphdr *tcp = (void *)&h->ports;
	struct udphdr *udp = (void *)&h->ports;

	if (h->ip.protocol == IPPROTO_TCP) {
		if (!packet_has(tcp, end) || tcp->doff < 5 ||
		    sizeof(h->ip) + tcp->doff * 4 > length ||
		    ((__u8 *)tcp)[13] & (TCP_SYN | TCP_FIN | TCP_RST))
			return NULL;
		return &tcp->check;
	}
	if (h->ip.protocol != IPPROTO_UDP || !packet_has(udp, end) || !udp->check)
		return NULL;
	if (bpf_ntohs(udp->len) < sizeof(*udp) || sizeof(h->ip) + bpf_ntohs(udp->len) > length)
		return NULL;
	return &udp->check;
}

/* 1: it was rewritten, and goes on into the kernel. */
static __always_inline int quick_translate(void *data, void *end)
{
	struct quick_head *h = data;
	struct conn_key4 key = {};
	struct conn_way4 *way, seen;
	__u32 length, flags;
	__u16 *check, head;
	__u64 word;

	if (!packet_has(h, end) || h->eth.h_proto != bpf_htons(ETH_P_IP) ||
	    *(__u8 *)&h->ip != PLAIN_IPV4 || h->ip.frag_off & bpf_htons(0x3fff))
		return 0;
	length = bpf_ntohs(h->ip.tot_len);
	if (!length || sizeof(h->eth) + length > (__u64)(end - data))
		return 0;
	check = quick_check(h, end, length);
	if (!check)
		return 0;
	key.from = h->ip.saddr;
	key.to = h->ip.daddr;
	key.from_port = bpf_ntohs(h->ports.from);
	key.to_port = bpf_ntohs(h->ports.to);
	key.protocol = h->ip.protocol;
	way = bpf_map_lookup_elem(&conn_keys4, &key);
	if (!way)
		return 0;
	word = *(volatile __u64 *)&way->way.word;
	flags = key.protocol == IPPROTO_UDP && word & CONN_ANSWERS ? CONN_ANSWERED : 0;
	if (flags & ~*(volatile __u32 *)&way->way.flags)
		return 0;
	if (word & CONN_ANSWERS ? way->to != h->ip.daddr : way->from != h->ip.saddr)
		return 0; /* across */
	seen = *way;
	if (way_moved(&way->way, bpf_map_lookup_elem(&conn_keys4, &key), word))
		return 0;
	__sync_fetch_and_add(&way->way.bytes, length);
	__sync_fetch_and_add(&way->way.packets, 1);
	*(volatile __u64 *)&way->way.last = bpf_ktime_get_coarse_ns();
	head = h->ip.check;
	csum_move(&head, seen.l3_sum);
	h->ip.check = head;
	csum_move(check, seen.l4_sum);
	if (key.protocol == IPPROTO_UDP && !*check)
		*check = 0xffff;
	h->ip.saddr = seen.from;
	h->ip.daddr = seen.to;
	h->ports.from = bpf_htons(seen.from_port);
	h->ports.to = bpf_htons(seen.to_port);
	return 1;
}

#endif
