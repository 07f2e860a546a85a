/* SPDX-License-Identifier: GPL-2.0 */
/* What both builds of the decision are asked. */
#ifndef PICK_INPUT_H
#define PICK_INPUT_H

#include <shunt/endpoint.h>
#include <shunt/flow.h>
#include <shunt/service.h>

#define PICK_INPUTS 1000 /* a run */
#define PICK_BLOCKS 256	/* distinct records of schedules, charts, pools and endpoints */
#define PICK_NOW 1000000000000ULL

struct pick_input {
	struct route route;
	struct cluster cluster;
	__u64 turn, next, random, now;
	__u32 ipv6, zero;
};

struct pick_output {
	__u64 next; /* afterwards */
	__u32 cluster, endpoint;
};

/* Slots beyond them wrap around. */
struct pick_records {
	struct schedule schedules[PICK_BLOCKS];
	struct chart charts[PICK_BLOCKS];
	struct pool pools[PICK_BLOCKS];
	struct endpoint endpoints[PICK_BLOCKS];
};

static inline __attribute__((always_inline)) __u32 mix(__u32 x)
{
	x ^= x >> 16;
	x *= 0x7feb352dU;
	x ^= x >> 15;
	x *= 0x846ca68bU;
	return x ^ x >> 16;
}

/* A part of them is out at PICK_NOW; of some clusters all, of others none. */
static inline __attribute__((always_inline)) int out_of_slot(__u32 state, __u64 now)
{
	return mix(state) % 8 < state / 64 % 9 && now >= PICK_NOW;
}

/* Both halves in use, and a low half that is passing through -1 now and then. */
static inline __attribute__((always_inline)) __u64 active_of_slot(__u32 slot)
{
	__u32 r = mix(slot);

	return ((__u64)(r >> 28) << 32) + ((r & 7) - 1);
}

#endif
