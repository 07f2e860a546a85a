/* SPDX-License-Identifier: GPL-2.0 */
/* What both builds of the decision are asked. */
#ifndef PICK_INPUT_H
#define PICK_INPUT_H

#include <shunt/flow.h>
#include <shunt/service.h>

#define PICK_INPUTS 1000 /* a run */
#define PICK_BLOCKS 256	/* distinct schedule records */

struct pick_input {
	struct route route;
	struct cluster cluster;
	__u64 turn, next, random;
	__u32 ipv6, zero;
};

struct pick_output {
	__u32 cluster, endpoint;
};

static inline __attribute__((always_inline)) __u32 mix(__u32 x)
{
	x ^= x >> 16;
	x *= 0x7feb352dU;
	x ^= x >> 15;
	x *= 0x846ca68bU;
	return x ^ x >> 16;
}

/* Both halves in use, and a low half that is passing through -1 now and then. */
static inline __attribute__((always_inline)) __u64 active_of_slot(__u32 slot)
{
	__u32 r = mix(slot);

	return ((__u64)(r >> 28) << 32) + ((r & 7) - 1);
}

#endif
