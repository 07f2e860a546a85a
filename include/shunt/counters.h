/* SPDX-License-Identifier: GPL-2.0 */
/* Every way out of the programs, counted per CPU; and the events that tell of the rare ones. */
#ifndef SHUNT_COUNTERS_H
#define SHUNT_COUNTERS_H

#include <linux/types.h>
#include "service.h"

/* name, what it counts; the metric is shunt_NAME_total */
#define SHUNT_COUNTERS(X)                                                                         \
	X(steered, "connections sent to an endpoint")                                             \
	X(proxied, "connections sent to the proxy")                                               \
	X(bypassed, "connections that went past the proxy, as it could not take them")            \
	X(no_listener, "connections for the proxy from where it does not listen")                 \
	X(no_original, "connections to the proxy that it cannot know the destination of")         \
	X(untouched, "connections to addresses that are no service, or pass as dialled")          \
	X(connected, "steered connections that were established")                                 \
	X(closed, "steered connections that ended")                                               \
	X(drained, "connections ended as their endpoint went or their share shrank")              \
	X(expired_idle, "connections ended at idleTimeout")                                       \
	X(expired_duration, "connections ended at maxConnectionDuration")                         \
	X(refused_limit, "connections refused at maxConnections")                                 \
	X(refused_no_endpoint, "connections refused for want of an endpoint of their family")     \
	X(refused_no_cluster, "connections refused as their route names no known cluster")        \
	X(refused_no_proxy, "connections refused as only the proxy, which does not serve, may take them") \
	X(refused_unknown, "connections refused as REGISTRY_ONLY callers know no such service")   \
	X(refused_no_memory, "connections refused as no flow record could be made")               \
	X(refused_unstable, "connections refused as their service kept changing while read")      \
	X(connect_failed, "steered connections that the endpoint refused, reset or never answered") \
	X(ejected, "endpoints left out for a time, as connects to them failed in a row")          \
	X(ejections_refused, "ejections that maxEjectionPercent forbade")                         \
	X(returned, "endpoints taken back when the time of their ejection was over")              \
	X(guarded, "destinations that a guard took out of their split")                           \
	X(unknown_caller, "connections to scoped services from a namespace without a scope")      \
	X(affine, "connections to the endpoint that their caller had last, by sessionAffinity")    \
	X(unknown_source, "connections that go by an address of their caller that is not known")   \
	X(stale_word, "reads of a service's or caller's word that had to be taken again")         \
	X(stale_hold, "releases whose cluster slot had gone on to another cluster")               \
	X(spliced, "connections whose two local ends were joined")                                \
	X(spliced_bytes, "bytes that joined ends sent to each other past TCP")                    \
	X(splice_passed_bytes, "bytes of joined ends that went by TCP")                           \
	X(splice_full, "connections that were not joined for want of room in the maps")           \
	X(malformed, "packets that no kernel takes, passed on as they are")                       \
	X(fragments_passed, "later fragments that belong to no connection by packet, passed as they are") \
	X(no_connection, "packets to services that belong to no connection, answered with a reset") \
	X(refused_tracking, "connections refused as the table of those steered by packet is full")  \
	X(evicted_half_open, "unanswered connections given up for newer ones")                    \
	X(moved_port, "connections by packet whose caller shows another port to the endpoint")     \
	X(no_way, "packets from outside whose endpoint the node has no route to")                 \
	X(untranslated, "packets dropped as they could not be rewritten")                         \
	X(events_lost, "events that found the ring buffer full")

struct counters {
#define X(name, text) __u64 name;
	SHUNT_COUNTERS(X)
#undef X
};

enum event_kind {
	EVENT_REFUSED_LIMIT = 1,
	EVENT_REFUSED_NO_ENDPOINT = 2,
	EVENT_REFUSED_NO_CLUSTER = 3,
	EVENT_CONNECT_FAILED = 4,
	EVENT_REFUSED_NO_PROXY = 5,
	EVENT_REFUSED_UNKNOWN = 6,
	EVENT_UNKNOWN_CALLER = 7, /* its namespace has not been looked at: the agent does so at once */
	EVENT_EJECTED = 8,
	EVENT_RETURNED = 9,
	EVENT_GUARDED = 10,
	EVENT_DRAINED = 11,
	EVENT_EXPIRED_IDLE = 12,
	EVENT_EXPIRED_DURATION = 13,
};

struct event {
	__u64 time; /* CLOCK_MONOTONIC ns */
	__u64 netns;
	struct service_key service;
	__u8 to[16];
	__u32 cluster; /* cluster_state slot */
	__u32 pid;
	__u16 to_port;
	__u8 kind;   /* enum event_kind */
	__u8 reason; /* enum failure; of EVENT_CONNECT_FAILED */
	__u32 endpoint; /* endpoint_state slot, of those about one; its address may not be told */
	__u8 comm[16];
};
_Static_assert(sizeof(struct event) == 88, "no padding");

/* The one record of `control`: what the agent tells the programs. */
struct control {
	__u32 layout; /* SHUNT_LAYOUT */
	__u32 epoch;  /* 0 or 1: where new reservations are counted */
	__u32 plan;   /* number of the plan in force */
	__u32 older;  /* sockets open when the programs were first attached: never counted */
	__u64 build;  /* of the programs that are attached */
	__u64 leaked; /* reservations that audits had to return */
	__u64 audits;
	__u64 proxy;   /* id of the cgroup of the proxy, which nothing steers */
	__u32 callers; /* CALLERS_* */
	__u32 subnets; /* elements of service_subnets */
	__u32 splice;  /* SPLICE_* */
	__u32 hz;      /* ticks a second of this kernel */
	__u64 host;    /* cookie of the network namespace of the agent, which is that of the node's devices */
};
_Static_assert(sizeof(struct control) == 72, "no padding");

#define CALLERS_FOLLOWED 1 /* the agent wants to hear of namespaces that it does not know */
#define CALLERS_FIRST 2	   /* some callers are closed or refuse: who calls is asked first */
#define CALLERS_CAPTURED 4 /* of some the packets are steered */

#endif
