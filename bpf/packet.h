/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a packet is: Ethernet, IPv4 with options or IPv6 with extension headers, TCP, UDP, or an ICMP
 * error and the packet it is about. Reads by direct access, so tc and XDP share it. What a plain
 * kernel would drop is PACKET_BAD: it is left to the kernel, which does.
 */
#ifndef BPF_PACKET_H
#define BPF_PACKET_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include "addr.h"

/* Bytes from the start of a frame that have to be there to be read, if the packet is as long. */
#define PACKET_HEAD 192
#define PACKET_DEEPEST 1024 /* no header begins later: so the verifier knows */

#define PACKET_EXTENSIONS 6 /* IPv6 extension headers that are looked behind */
#define PACKET_TAGS 2	    /* VLAN */

enum packet_kind {
	PACKET_OTHER, /* no IP, or what has no ports */
	PACKET_BAD,   /* malformed or truncated */
	PACKET_FLOW,  /* TCP or UDP */
	PACKET_LATER, /* a fragment that is not the first: it has no ports */
	PACKET_ERROR, /* ICMP, about a packet within */
};

#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16

struct packet {
	struct addr from, to;
	__u16 from_port, to_port; /* host order */
	__u16 l3, l4; /* where its headers begin */
	__u16 length; /* of the IP packet; 0: it is longer than 16 bits tell */
	__u16 head;   /* of the TCP header, in bytes */
	__u16 check;  /* of the IPv4 header, as it stands there */
	__u32 id;     /* of a packet in fragments */
	__u8 kind;    /* enum packet_kind */
	__u8 ipv6;
	__u8 protocol;
	__u8 flags;    /* TCP_* */
	__u8 fragment; /* of a packet in fragments, first or later */
	__u8 tags;     /* VLAN tags before it */
	__u8 inner;    /* quoted in an ICMP error: what follows its ports may be cut off */
};

/* linux/icmp.h needs the C library's headers. */
struct packet_icmp {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be32 rest;
};

/* Those that quote a packet (RFC 792, RFC 4443): unreachable, quench, time exceeded, parameter. */
#define ICMP4_ERRORS (1U << 3 | 1U << 4 | 1U << 11 | 1U << 12)
#define ICMP6_ERRORS (1U << 1 | 1U << 2 | 1U << 3 | 1U << 4)

struct packet_tag {
	__be16 tag;
	__be16 ethertype;
};

struct packet_extension {
	__u8 next;
	__u8 length;
	__u8 type, left; /* of a routing header */
};

struct packet_fragment {
	__u8 next;
	__u8 zero;
	__be16 offset;
	__be32 id;
};

#define packet_has(at_, end_) ((void *)((at_) + 1) <= (end_))

static __always_inline void read_tcp(void *data, void *end, struct packet *p)
{
	struct tcphdr *tcp = data + (p->l4 & (PACKET_DEEPEST - 1));
	struct udphdr *ports = (void *)tcp;

	p->kind = PACKET_BAD;
	if (!packet_has(ports, end))
		return;
	p->from_port = bpf_ntohs(ports->source);
	p->to_port = bpf_ntohs(ports->dest);
	if (p->inner) {
		p->kind = PACKET_FLOW;
		return;
	}
	if (!packet_has(tcp, end))
		return;
	p->flags = ((__u8 *)tcp)[13];
	p->head = tcp->doff * 4;
	if (p->head < sizeof(*tcp) || (p->length && p->l4 - p->l3 + p->head > p->length))
		return;
	p->kind = PACKET_FLOW;
}

static __always_inline void read_udp(void *data, void *end, struct packet *p)
{
	struct udphdr *udp = data + (p->l4 & (PACKET_DEEPEST - 1));
	__u32 length;

	p->kind = PACKET_BAD;
	if (!packet_has(udp, end))
		return;
	p->from_port = bpf_ntohs(udp->source);
	p->to_port = bpf_ntohs(udp->dest);
	length = bpf_ntohs(udp->len);
	if (!p->inner && !p->fragment && p->length &&
	    (length < sizeof(*udp) || p->l4 - p->l3 + length > p->length))
		return;
	p->kind = PACKET_FLOW;
}

/* Errors alone: an echo or a neighbour's message belongs to no connection. */
static __always_inline void read_icmp(void *data, void *end, struct packet *p)
{
	struct packet_icmp *icmp = data + (p->l4 & (PACKET_DEEPEST - 1));

	p->kind = PACKET_BAD;
	if (!packet_has(icmp, end))
		return;
	p->kind = PACKET_OTHER;
	if (!p->inner && icmp->type < 32 &&
	    (p->ipv6 ? ICMP6_ERRORS : ICMP4_ERRORS) >> icmp->type & 1)
		p->kind = PACKET_ERROR;
}

static __always_inline void read_l4(void *data, void *end, struct packet *p)
{
	if (p->protocol == IPPROTO_TCP)
		read_tcp(data, end, p);
	else if (p->protocol == IPPROTO_UDP)
		read_udp(data, end, p);
	else if (p->protocol == (p->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		read_icmp(data, end, p);
}

static __always_inline void read_ipv4(void *data, void *end, __u32 total, struct packet *p)
{
	struct iphdr *ip = data + (p->l3 & (PACKET_DEEPEST - 1));
	__u32 head, length, offset;

	if (!packet_has(ip, end))
		return;
	head = ip->ihl * 4;
	length = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || head < sizeof(*ip) || (length && length < head))
		return;
	if (!p->inner && (length ? p->l3 + length > total : total - p->l3 <= 0xffff))
		return;
	addr_of_ip4(&p->from, ip->saddr);
	addr_of_ip4(&p->to, ip->daddr);
	p->protocol = ip->protocol;
	p->length = length;
	p->check = ip->check;
	p->l4 = p->l3 + head;
	p->id = ip->id;
	offset = bpf_ntohs(ip->frag_off);
	p->fragment = (offset & 0x3fff) != 0;
	p->kind = offset & 0x1fff ? PACKET_LATER : PACKET_OTHER;
}

/* 1: it ends the chain. */
static __always_inline int read_extension(void *data, void *end, struct packet *p)
{
	struct packet_extension *e = data + (p->l4 & (PACKET_DEEPEST - 1));
	struct packet_fragment *f = (void *)e;
	__u32 length;

	p->kind = PACKET_BAD;
	if (!packet_has(f, end))
		return 1;
	p->kind = PACKET_OTHER;
	length = (e->length + 1) * 8;
	if (p->protocol == IPPROTO_FRAGMENT) {
		p->fragment = 1;
		p->id = f->id;
		length = sizeof(*f);
		if (f->offset & bpf_htons(~7)) {
			p->protocol = e->next;
			p->kind = PACKET_LATER;
			return 1;
		}
	} else if (p->protocol == IPPROTO_AH) {
		length = (e->length + 2) * 4;
	} else if (p->protocol == IPPROTO_ROUTING && e->left) {
		return 1; /* its destination is yet to come */
	}
	if (p->l4 + length > PACKET_HEAD)
		return 1; /* longer than anyone sends: not looked behind */
	p->protocol = e->next;
	p->l4 += length;
	return 0;
}

static __always_inline int is_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_AH || protocol == IPPROTO_DSTOPTS;
}

static __always_inline void read_ipv6(void *data, void *end, __u32 total, struct packet *p)
{
	struct ipv6hdr *ip = data + (p->l3 & (PACKET_DEEPEST - 1));
	__u32 length;

	if (!packet_has(ip, end) || ip->version != 6)
		return;
	length = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	if (!p->inner && p->l3 + length > total)
		return;
	__builtin_memcpy(p->from.byte, &ip->saddr, 16);
	__builtin_memcpy(p->to.byte, &ip->daddr, 16);
	p->protocol = ip->nexthdr;
	p->length = ip->payload_len ? length : 0;
	p->l4 = p->l3 + sizeof(*ip);
	p->kind = PACKET_OTHER;
	for (int i = 0; i < PACKET_EXTENSIONS && is_extension(p->protocol); i++)
		if (read_extension(data, end, p))
			return;
}

/* At p->l3, of the family p->ipv6; `total`: bytes of the frame. A function of its own: it is used for
 * what an ICMP error quotes, too. */
static __noinline int read_ip(void *data, void *end, __u32 total, struct packet *p)
{
	p->kind = PACKET_BAD;
	if (p->ipv6)
		read_ipv6(data, end, total, p);
	else
		read_ipv4(data, end, total, p);
	if (p->kind == PACKET_OTHER && !is_extension(p->protocol))
		read_l4(data, end, p);
	return 0;
}

/* The packet in a frame; `total`: its length, of which PACKET_HEAD bytes are between data and end. */
static __always_inline void packet_read(void *data, void *end, __u32 total, struct packet *p)
{
	struct ethhdr *eth = data;
	struct packet_tag *tag;
	__be16 ethertype;

	__builtin_memset(p, 0, sizeof(*p));
	if (!packet_has(eth, end)) {
		p->kind = PACKET_BAD;
		return;
	}
	ethertype = eth->h_proto;
	p->l3 = sizeof(*eth);
	for (int i = 0; i < PACKET_TAGS; i++) {
		if (ethertype != bpf_htons(ETH_P_8021Q) && ethertype != bpf_htons(ETH_P_8021AD))
			break;
		tag = data + p->l3;
		if (!packet_has(tag, end)) {
			p->kind = PACKET_BAD;
			return;
		}
		ethertype = tag->ethertype;
		p->l3 += sizeof(*tag);
		p->tags++;
	}
	if (ethertype != bpf_htons(ETH_P_IP) && ethertype != bpf_htons(ETH_P_IPV6))
		return; /* PACKET_OTHER */
	p->ipv6 = ethertype == bpf_htons(ETH_P_IPV6);
	read_ip(data, end, total, p);
}

/* What an error quotes: the start of a packet that whoever sends the error could not deliver. */
static __always_inline void packet_read_inner(void *data, void *end, const struct packet *p,
					      struct packet *inner)
{
	__builtin_memset(inner, 0, sizeof(*inner));
	inner->l3 = p->l4 + sizeof(struct packet_icmp);
	inner->ipv6 = p->ipv6;
	inner->inner = 1;
	read_ip(data, end, 0, inner);
}

/* Of an IPv4 header: what it should sum up to. Who passes on a broken one passes on the fault. */
static __always_inline int packet_head_sound(void *data, void *end, const struct packet *p)
{
	__u16 *word = data + (p->l3 & (PACKET_DEEPEST - 1));
	__u32 sum = 0, words = (__u32)(p->l4 - p->l3) >> 1;

	if (p->ipv6)
		return 1;
	for (__u32 i = 0; i < 30; i++) {
		if (i >= words || !packet_has(word, end))
			break;
		sum += *word++;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

#endif
