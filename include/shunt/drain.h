/* SPDX-License-Identifier: GPL-2.0 */
/* Live connections that have to go: how the agent counts them, and how it tells which ones. */
#ifndef SHUNT_DRAIN_H
#define SHUNT_DRAIN_H

#include <linux/types.h>
#include "service.h"

#define DRAIN_TALLIES 65536  /* kinds of connections that one walk tells apart */
#define DRAIN_LEAVING 4096   /* connections that one walk chooses at most */
#define DRAIN_SLOTS 1024     /* of conns that a walk looks at without a pause */

/* Connections that one decision is made about: dialled the same, sent to the same endpoint. */
struct drain_key {
	struct service_key service;
	__u32 cluster;	/* slot in cluster_state */
	__u32 endpoint; /* slot in endpoint_state */
};
_Static_assert(sizeof(struct drain_key) == 32, "hash keys must have no padding");

struct drain_tally {
	__u64 connected;
	__u64 connecting;
};
_Static_assert(sizeof(struct drain_tally) == 16, "no padding");

/* How many of them have to go, and how many of those the walk has not met yet. */
struct drain_order {
	__u64 left;
	__u32 connecting; /* 1: also those that are not connected yet */
	__u32 zero;
};
_Static_assert(sizeof(struct drain_order) == 16, "no padding");

/* A connection that was chosen, as its caller's end knows it. */
struct leaving {
	__u64 netns;  /* cookie of the network namespace that its socket is in */
	__u64 cookie; /* of the socket */
	__u8 local[16]; /* IPv4: the first four bytes */
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u32 device; /* index; 0: not bound to any */
	__u8 family;
	__u8 protocol;
	__u8 zero[6];
};
_Static_assert(sizeof(struct leaving) == 64, "one cache line");

#endif
