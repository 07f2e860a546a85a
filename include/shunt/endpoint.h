/* SPDX-License-Identifier: GPL-2.0 */
/* Where a connection goes: one server by one of its addresses, and its live count. */
#ifndef SHUNT_ENDPOINT_H
#define SHUNT_ENDPOINT_H

#include <linux/types.h>
#include "state.h"

struct endpoint {
	__u8 address[16]; /* v4-mapped for IPv4 */
	__u16 port;
	__u16 zero;
	__u32 weight;	  /* among those of its pool */
	__u32 state;	  /* slot in endpoint_state; one for both addresses of an endpoint */
	__u32 generation; /* of that slot */
	__u64 since;	  /* CLOCK_MONOTONIC ns when it joined others; 0: it was there with them */
};
_Static_assert(sizeof(struct endpoint) == 40, "the stride of a mapped array");

#endif
