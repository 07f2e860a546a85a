/* SPDX-License-Identifier: GPL-2.0 */
/* The maps of programs that steer packet by packet, made when these are first loaded; pinned as well. */
#ifndef BPF_LATE_MAPS_H
#define BPF_LATE_MAPS_H

#include <shunt/track.h>
#include "maps.h"

/* index of a pod's device on the host -> whose it is; the agent writes */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_MAX_CAPTURED);
	__type(key, __u32);
	__type(value, struct captured);
} captured SEC(".maps");

/* port, | POD_LISTENER_IPV6 -> the listener of the proxy's for a captured pod; the agent writes */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, SHUNT_MAX_POD_LISTENERS);
	__type(key, __u32);
	__type(value, __u64);
} pod_listeners SEC(".maps");

/* a packet's direction -> what becomes of it, by IPv4; programs insert and delete, and count */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SHUNT_MAX_CONN_KEYS);
	__type(key, struct conn_key4);
	__type(value, struct conn_way4);
} conn_keys4 SEC(".maps");

/* and by IPv6 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SHUNT_MAX_CONN_KEYS);
	__type(key, struct conn_key);
	__type(value, struct conn_way6);
} conn_keys6 SEC(".maps");

RECORDS(conns, struct conn, SHUNT_MAX_CONNS);	 /* programs write; agent audits */
RECORDS(tracking, struct tracking, 1);		 /* programs count */

#define SLOTS_QUEUE(name_, max_)                                                                  \
	struct {                                                                                  \
		__uint(type, BPF_MAP_TYPE_QUEUE);                                                 \
		__uint(max_entries, max_);                                                        \
		__type(value, __u64);                                                             \
	} name_ SEC(".maps")

SLOTS_QUEUE(conns_free, SHUNT_MAX_CONNS);     /* slots of conns, and when they were freed */
SLOTS_QUEUE(conns_half, SHUNT_MAX_HALF_OPEN); /* TCP ones in the order of their first packets */
SLOTS_QUEUE(conns_closed, SHUNT_MAX_CONNS);   /* in the order of closing */

struct sweep {
	struct bpf_timer timer;
	__u32 next; /* slot at which the next walk begins */
	__u32 zero;
};

/* the timer, and where it is; programs alone */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sweep);
} conns_sweep SEC(".maps");

/* a packet in fragments -> its connection; programs alone */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SHUNT_MAX_FRAGMENTS);
	__type(key, struct fragment_key);
	__type(value, __u64);
} fragments SEC(".maps");

#endif
