/* SPDX-License-Identifier: GPL-2.0 */
/* Which endpoint a caller keeps: of a Service with sessionAffinity ClientIP. */
#ifndef SHUNT_AFFINITY_H
#define SHUNT_AFFINITY_H

#include <linux/types.h>
#include "limits.h"

struct affinity_key {
	__u32 cluster;	  /* slot in cluster_state */
	__u32 generation; /* of that slot */
	__u8 address[16]; /* the caller's; v4-mapped for IPv4 */
};
_Static_assert(sizeof(struct affinity_key) == 24, "hash keys must have no padding");

/*
 * The value is one word, so that it changes in place: the endpoint_state slot; the slot in endpoints
 * where it stood when it was picked, which saves looking for it; and when the caller came last, in
 * seconds of CLOCK_MONOTONIC.
 */
#define AFFINITY_SLOT_BITS 18
#define AFFINITY_SLOT_MASK ((1U << AFFINITY_SLOT_BITS) - 1)
_Static_assert(SHUNT_MAX_ENDPOINT_STATES <= 1 << AFFINITY_SLOT_BITS, "a slot has its bits");
_Static_assert(SHUNT_MAX_ENDPOINTS <= 1 << AFFINITY_SLOT_BITS, "a slot has its bits");

static inline __attribute__((always_inline)) __u64 affinity_word(__u32 state, __u32 endpoint,
								  __u64 seconds)
{
	return seconds << 2 * AFFINITY_SLOT_BITS | (__u64)endpoint << AFFINITY_SLOT_BITS | state;
}

static inline __attribute__((always_inline)) __u32 affinity_state(__u64 word)
{
	return word & AFFINITY_SLOT_MASK;
}

static inline __attribute__((always_inline)) __u32 affinity_endpoint(__u64 word)
{
	return word >> AFFINITY_SLOT_BITS & AFFINITY_SLOT_MASK;
}

static inline __attribute__((always_inline)) __u64 affinity_seconds(__u64 word)
{
	return word >> 2 * AFFINITY_SLOT_BITS;
}

#endif
