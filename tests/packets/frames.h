/* SPDX-License-Identifier: GPL-2.0 */
/* TCP packets of many connections between callers and one service, and of its endpoint's answers. */
#ifndef PACKETS_FRAMES_H
#define PACKETS_FRAMES_H

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <stdint.h>
#include <string.h>

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t data[10];
} __attribute__((packed));

struct way {
	__be32 from, to;
	uint16_t from_port, to_port;
};

static inline uint32_t sum_of(const void *data, size_t size)
{
	const uint8_t *byte = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i += 2)
		sum += (uint32_t)byte[i] << 8 | byte[i + 1];
	return sum;
}

static inline uint16_t folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static inline void frame_make(struct frame *f, const struct way *w, int syn, int ack)
{
	const size_t bytes = sizeof(f->tcp) + sizeof(f->data);

	memset(f, 0, sizeof(*f));
	f->eth.h_dest[0] = f->eth.h_source[0] = 2;
	f->eth.h_proto = htons(ETH_P_IP);
	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.ttl = 64;
	f->ip.protocol = IPPROTO_TCP;
	f->ip.tot_len = htons((uint16_t)(sizeof(f->ip) + bytes));
	f->ip.saddr = w->from;
	f->ip.daddr = w->to;
	f->ip.check = folded(sum_of(&f->ip, sizeof(f->ip)));
	f->tcp.source = htons(w->from_port);
	f->tcp.dest = htons(w->to_port);
	f->tcp.doff = 5;
	f->tcp.syn = syn & 1;
	f->tcp.ack = ack & 1;
	f->tcp.check = folded(sum_of(&f->ip.saddr, 8) + IPPROTO_TCP + (uint32_t)bytes +
			      sum_of(&f->tcp, bytes));
}

static inline struct way way_of(unsigned i, __be32 service, uint16_t port)
{
	return (struct way){htonl(0x0ac80000 + i / 1000), service,
			    (uint16_t)(20000 + i % 1000), port};
}

static inline struct way answer_to(const struct frame *f)
{
	return (struct way){f->ip.daddr, f->ip.saddr, ntohs(f->tcp.dest), ntohs(f->tcp.source)};
}

/* In an order that no cache foresees: the step has no factor in common with the number. */
static inline unsigned step_of(unsigned nr)
{
	unsigned step = nr * 0.618 + 1, a = nr, b = step;

	while (b) {
		unsigned rest = a % b;

		a = b;
		b = rest;
		if (!b && a != 1) {
			a = nr;
			b = ++step;
		}
	}
	return step;
}

#endif
