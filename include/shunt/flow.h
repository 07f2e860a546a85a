/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a steered socket carries from connect to close, and how its reservation is counted.
 *
 * `hold` is exchanged with 0 by whoever releases; only the one who got HOLD_HELD subtracts, so a
 * reservation is returned exactly once. An audit moves live sockets from one epoch to the other:
 * what stays behind in the old half of `active` belongs to no socket.
 */
#ifndef SHUNT_FLOW_H
#define SHUNT_FLOW_H

#include <linux/types.h>
#include "service.h"

#define HOLD_HELD (1ULL << 63)
#define HOLD_ARMED (1ULL << 62) /* STATE_CB will see this socket close */
#define HOLD_EPOCH (1ULL << 61)
#define HOLD_GENERATION_SHIFT 32
#define HOLD_GENERATION_MASK 0x1fffffffU
#define HOLD_LEAVING (1ULL << 31) /* chosen to go, and counted as that */
#define HOLD_CLUSTER_MASK 0x7fffffffU

enum flow_phase {
	FLOW_CONNECTING = 0,
	FLOW_CONNECTED = 1,
	FLOW_GIVEN_UP = 2, /* the caller let go before an answer came */
	FLOW_PLACED = 3,   /* the proxy's: held for what it dials next */
};

enum flow_steered {
	FLOW_AS_DIALLED = 0,
	FLOW_TO_ENDPOINT = 1,
	FLOW_TO_PROXY = 2, /* nothing is reserved */
};

enum flow_splice {
	FLOW_SPLICE_NOT = 0,
	FLOW_SPLICE = 1,
	FLOW_SPLICE_SERVER = 2, /* the proxy's: when its server asks */
};

struct flow {
	__u64 hold;  /* HOLD_* | generation << 32 | cluster_state slot */
	__u64 since; /* CLOCK_MONOTONIC ns of the connect */
	__u64 netns; /* cookie of the caller's network namespace */
	__u32 layout; /* SHUNT_LAYOUT of the program that wrote it */
	__u32 plan;
	__u32 endpoint; /* endpoint_state slot */
	__u32 endpoint_generation;
	struct service_key service; /* what was dialled; its address shows in getpeername */
	__u8 to[16];		    /* where it went */
	__u16 to_port;
	__u8 phase;   /* enum flow_phase */
	__u8 steered; /* enum flow_steered */
	__u32 pid;    /* thread group that called connect */
	__u8 comm[16];
	__u32 connect_timeout; /* ms, in the place of the socket's own TCP_USER_TIMEOUT; 0: that stands */
	__u32 user_timeout;    /* its own meanwhile, ms */
	__u32 splice; /* enum flow_splice: whether its local ends are to be joined */
	__u32 zero;
};
_Static_assert(sizeof(struct flow) == 120, "no padding");

/*
 * Both halves of `active` move by 64-bit adds, which are exact in any order; while a release runs
 * ahead of its audit step the low half can pass through -1, hence the signed reading.
 */
static inline __attribute__((always_inline)) __u64 active_one(__u64 hold)
{
	return hold & HOLD_EPOCH ? 1ULL << 32 : 1;
}

static inline __attribute__((always_inline)) __s32 active_low(__u64 active)
{
	return (__s32)(__u32)active;
}

static inline __attribute__((always_inline)) __s32 active_high(__u64 active)
{
	return (__s32)(__u32)(active >> 32) + (active_low(active) < 0 ? 1 : 0);
}

/* Reservations held now, over both epochs. */
static inline __attribute__((always_inline)) __s64 active_count(__u64 active)
{
	return (__s64)active_low(active) + (__s64)active_high(active);
}

#endif
