/* SPDX-License-Identifier: GPL-2.0 */
/* Where a connection goes: one server, with its addresses and its live count. */
#ifndef SHUNT_ENDPOINT_H
#define SHUNT_ENDPOINT_H

#include <linux/types.h>

struct endpoint {
	__u8 ipv4[4];  /* all zero: none */
	__u8 ipv6[16]; /* all zero: none */
	__u16 port;
	__u16 zero;
	__u32 weight;
	__u32 state;	  /* slot in endpoint_state */
	__u32 generation; /* of that slot */
	__u32 zero2;	  /* array elements are multiples of 8 bytes */
};
_Static_assert(sizeof(struct endpoint) == 40, "the stride of a mapped array");

struct endpoint_state {
	__u64 active; /* as in cluster_state */
	__u64 opened;
	__u64 connect_failed;
	__u32 generation;
	__u32 zero;
};
_Static_assert(sizeof(struct endpoint_state) == 32, "half a cache line");

#endif
