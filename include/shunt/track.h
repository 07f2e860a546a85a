/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections that are steered packet by packet: what the kernel remembers of each.
 *
 * An element of `conn_keys4` or `conn_keys6` is written once: what a packet of that direction becomes, and a word that
 * names its record: the slot in `conns`, which of the two directions it is, and the slot's generation. A
 * reader looks the key up again when it has read: the same element still has it, or another one's was
 * read. Of a record all is constant while its slot is in use but single aligned words, and a slot
 * rests for a second before it is used again.
 */
#ifndef SHUNT_TRACK_H
#define SHUNT_TRACK_H

#include <linux/types.h>
#include "limits.h"
#include "service.h"

/* A direction of a connection as its packets come in. */
struct conn_key {
	__u8 from[16];
	__u8 to[16];
	__u16 from_port;
	__u16 to_port;
	__u32 zone; /* index of the pod's device; 0: from outside of the node */
	__u8 protocol;
	__u8 zero[3];
};
_Static_assert(sizeof(struct conn_key) == 44, "hash keys must have no padding");

/* The same of IPv4. */
struct conn_key4 {
	__be32 from;
	__be32 to;
	__u16 from_port;
	__u16 to_port;
	__u32 zone;
	__u8 protocol;
	__u8 zero[3];
};
_Static_assert(sizeof(struct conn_key4) == 20, "hash keys must have no padding");

/* The word of a key. */
#define CONN_SLOT_MASK 0x7fffffffU
#define CONN_ANSWERS (1ULL << 31) /* the endpoint's direction; else the caller's */
#define CONN_GENERATION_SHIFT 32

/* Bits of `flags`, set once each; who sets one first does what it stands for. */
#define CONN_ANSWERED 1 /* by the endpoint: not only with a reset */
#define CONN_FIN_CALLER 2
#define CONN_FIN_ENDPOINT 4
#define CONN_RESET 8
#define CONN_CLOSED 16 /* its reservation is returned; what is late still finds its way */
#define CONN_FREED 32  /* its keys go, and then its slot */
#define CONN_FAILED 64 /* its endpoint refused or did not answer, and that is counted */
#define CONN_FINS (CONN_FIN_CALLER | CONN_FIN_ENDPOINT)

/*
 * What becomes of the packets of one direction: the value of a key, so that a packet has to look no
 * further. All of it is constant but what is counted, in single words.
 */
struct conn_way {
	__u64 word;
	__u64 last; /* as in struct conn */
	__u64 bytes; /* of IP packets that looked no further */
	__u32 packets;
	__u32 flags; /* of CONN_*, those that its packets have told the record */
};

struct conn_way6 {
	struct conn_way way;
	__u8 from[16];
	__u8 to[16];
	__u16 from_port;
	__u16 to_port;
	__u32 zero;
};
_Static_assert(sizeof(struct conn_way6) == 72, "no padding");

/* With its hash element's head and its key it fills two cache lines. */
struct conn_way4 {
	struct conn_way way;
	__be32 from;
	__be32 to;
	__u16 from_port;
	__u16 to_port;
	__u32 l3_sum; /* what the checksum of the IPv4 header is moved by, */
	__u32 l4_sum; /* and that of TCP or UDP */
	__u32 zero;
};
_Static_assert(sizeof(struct conn_way4) == 56, "no padding");

struct conn {
	__u64 hold; /* as in struct flow: who exchanges it with 0 returns the reservation */
	__u64 last; /* CLOCK_MONOTONIC ns of a packet; a later one may stand in its ways. 0: it is given up */
	__u64 since;
	__u64 netns; /* cookie of the caller's network namespace; 0: from outside */
	__u32 flags; /* CONN_* */
	__u32 generation; /* of this slot */
	__u32 zone;
	__u32 plan;
	struct service_key service; /* what was dialled, and by which scope */
	__u8 from[16]; /* the caller */
	__u8 as[16];   /* the caller as the endpoint knows it */
	__u8 to[16];   /* the endpoint */
	__u16 from_port;
	__u16 as_port;
	__u16 to_port;
	__u8 steered; /* enum flow_steered */
	__u8 zero;
	__u32 endpoint; /* endpoint_state slot */
	__u32 endpoint_generation;
	__u64 bytes[2]; /* of IP packets: by the caller, by the endpoint */
	__u32 packets[2];
};
_Static_assert(sizeof(struct conn) == 160, "the stride of a mapped array");

/* Nanoseconds without a packet until a connection is given up. */
#define CONN_SECONDS 1000000000ULL
#define CONN_HALF_OPEN_NS (30 * CONN_SECONDS) /* a SYN is repeated after 1, 2, 4, 8, 16 seconds */
#define CONN_ANSWER_NS (10 * CONN_SECONDS)    /* then its endpoint has failed, though it may come */
#define CONN_OPEN_NS (8100 * CONN_SECONDS)    /* longer than the keep-alive of 2 hours (RFC 5382) */
#define CONN_HALF_CLOSED_NS (300 * CONN_SECONDS)
#define CONN_CLOSED_NS (60 * CONN_SECONDS) /* as long as TIME_WAIT */
#define CONN_RESET_NS (10 * CONN_SECONDS)
#define CONN_UDP_ASKED_NS (30 * CONN_SECONDS)
#define CONN_UDP_NS (120 * CONN_SECONDS)

/* The one record of `tracking`. */
struct tracking {
	__u32 fresh; /* slots that have ever been used: those below */
	__u32 used;  /* in use now */
	__u32 half;  /* TCP connections whose first packet is not answered */
	__u32 ipv6;  /* connections by IPv6 */
	__u64 timer; /* 1: the sweep is armed */
	__u64 swept; /* connections that were given up for want of packets */
};
_Static_assert(sizeof(struct tracking) == 32, "half a cache line");

/* Ports that stand for a caller's own when that is taken on the way to its endpoint; beyond what
 * kernels give out themselves. */
#define CONN_PORT_FIRST 61001
#define CONN_PORTS 4000

/* A device of a captured pod. */
struct captured {
	__u64 netns; /* cookie of the pod's network namespace; 0: only what is open is steered */
	__u8 ipv4[16]; /* addresses of the host, at which the proxy answers the pod; zeros: none */
	__u8 ipv6[16];
};
_Static_assert(sizeof(struct captured) == 40, "no padding");

/* Beside the port in a key of pod_listeners. */
#define POD_LISTENER_IPV6 0x10000

/* A fragment knows neither port nor connection; its first one does. */
struct fragment_key {
	__u8 from[16];
	__u8 to[16];
	__u32 id;
	__u32 zone;
	__u8 protocol;
	__u8 zero[3];
};
_Static_assert(sizeof(struct fragment_key) == 44, "hash keys must have no padding");

#endif
