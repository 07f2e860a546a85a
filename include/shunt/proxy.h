/* SPDX-License-Identifier: GPL-2.0 */
/* How connections reach the L7 proxy, and how it learns what they dialled. */
#ifndef SHUNT_PROXY_H
#define SHUNT_PROXY_H

#include <linux/types.h>

/* A proxy that has not turned for so long is not steered to. */
#define PROXY_HUNG_NS 2000000000LL

/*
 * An element of `listeners`: where the proxy listens in a network namespace, on 127.0.0.1 and on
 * ::1; 0: it does not. The upper half is the lower one of the namespace's cookie: a reader whose
 * element was deleted and given to another namespace sees that.
 */
static inline __attribute__((always_inline)) __u64 listener_word(__u64 netns, __u16 ipv4,
								  __u16 ipv6)
{
	return netns << 32 | (__u32)ipv6 << 16 | ipv4;
}

static inline __attribute__((always_inline)) __u16 listener_port(__u64 word, __u64 netns, int ipv6)
{
	if (word >> 32 != (__u32)netns)
		return 0;
	return ipv6 ? word >> 16 : word;
}

/*
 * A socket option of the proxy's: a place among the connections of a cluster for what this socket
 * dials next, counted with those that the kernel steers there. -EUSERS: it has as many as it may.
 * -ESTALE: the slot is another cluster's by now.
 */
#define PLACE_LEVEL 0x73686e74
#define PLACE_TAKE 1
struct proxy_place {
	__u32 state; /* slot in cluster_state */
	__u32 generation; /* of the slot; never 0 */
	__u32 max;	  /* 0: no limit */
};

/* A connection to a listener as both of its ends know it. */
struct original_key {
	__u64 netns;
	__u8 source[16];
	__u16 source_port;
	__u16 port; /* of the listener */
	__u32 zero;
};
_Static_assert(sizeof(struct original_key) == 32, "hash keys must have no padding");

/* What its client dialled. */
struct original {
	__u8 address[16];
	__u16 port;
	__u16 zero;
};
_Static_assert(sizeof(struct original) == 20, "no padding");

#endif
