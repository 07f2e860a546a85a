/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What went through the connections to a cluster, by its slot in cluster_state: added when each of
 * them ends, from what its socket counted; nothing is counted per packet.
 */
#ifndef SHUNT_TRAFFIC_H
#define SHUNT_TRAFFIC_H

#include <linux/types.h>

/* How long a connection lasted at most: name of the member, ns. */
#define SHUNT_LASTED(X)                                                                           \
	X(1ms, 1000000ULL)                                                                        \
	X(10ms, 10000000ULL)                                                                      \
	X(100ms, 100000000ULL)                                                                    \
	X(1s, 1000000000ULL)                                                                      \
	X(10s, 10000000000ULL)                                                                    \
	X(60s, 60000000000ULL)                                                                    \
	X(600s, 600000000000ULL)                                                                  \
	X(3600s, 3600000000000ULL)

struct traffic {
	__u64 ended;	      /* connections that had been established */
	__u64 bytes_sent;     /* by the caller, each byte once */
	__u64 bytes_received;
	__u64 spliced_sent; /* the same, of what went past TCP from socket to socket */
	__u64 spliced_received;
	__u64 segments_sent;
	__u64 segments_received;
	__u64 retransmitted; /* segments */
	__u64 rtt;	     /* us, smoothed, of all that had one together */
	__u64 rtts;	     /* how many had one */
	__u64 rtt_min;	     /* us; 0: not known */
	__u64 duration;	     /* ns from connect to end, of all together */
#define X(name_, ns_) __u64 lasted_##name_;
	SHUNT_LASTED(X)
#undef X
	__u64 lasted_longer;
	/* connects that failed */
	__u64 refused;
	__u64 timed_out;
	__u64 unreachable;
	/* established ones that the other end broke off, or that nobody answered any more */
	__u64 reset;
	__u64 lost;
	/* ended by the agent, before any of them would have by itself */
	__u64 drained; /* their endpoint went, or their share shrank */
	__u64 expired; /* idleTimeout, maxConnectionDuration */
};
_Static_assert(sizeof(struct traffic) == 28 * 8, "members are walked as an array");

#endif
