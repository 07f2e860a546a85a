/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the L7 proxy counts, and whose turn it is among the destinations of its rules, in maps that
 * outlive it: the agent gives out the slots, every proxy that runs adds to them atomically.
 */
#ifndef SHUNT_REQUESTS_H
#define SHUNT_REQUESTS_H

#include <linux/types.h>

#define SHUNT_MAX_REQUESTS 32768    /* records; a busy rule has several, as workers share lines */
#define SHUNT_MAX_PROXY_TURNS 16384 /* split rules of the proxy */

/* Slots that are there from the beginning, each with REQUESTS_MOST records. */
#define REQUESTS_MOST 16 /* records of one slot; a power of two */
#define REQUESTS_OTHER 0 /* of rules that found no slot free */
#define REQUESTS_NO_RULE REQUESTS_MOST /* answered without one */
#define REQUESTS_PASSED (2 * REQUESTS_MOST) /* sent to the address that was dialled */
#define REQUESTS_FIRST (3 * REQUESTS_MOST)  /* from here on they are given out */

/*
 * Why a request ended otherwise than by its upstream's answer: name in Envoy's logs, what it means.
 * In the order in which they are logged.
 */
#define SHUNT_FLAGS(X)                                                                            \
	X(UH, "no healthy upstream")                                                              \
	X(UT, "upstream request timeout")                                                         \
	X(LR, "reset by this proxy")                                                              \
	X(UR, "reset by the upstream")                                                            \
	X(UF, "upstream connect failure")                                                         \
	X(UC, "upstream closed the connection")                                                   \
	X(UO, "overflow: a limit of the destination")                                             \
	X(NR, "no route")                                                                         \
	X(DI, "delay injected")                                                                   \
	X(FI, "fault injected")                                                                   \
	X(DC, "the client went away")                                                             \
	X(URX, "retries used up")                                                                 \
	X(SI, "idle for too long")                                                                \
	X(IH, "a header for the proxy has a bad value")                                           \
	X(DPE, "the client broke the protocol")                                                   \
	X(UMSDR, "the stream lasted too long")                                                    \
	X(DT, "the connection lasted too long")                                                   \
	X(UPE, "the upstream broke the protocol")                                                 \
	X(NC, "no such cluster")                                                                  \
	X(OM, "out of memory")                                                                    \
	X(DF, "the name could not be resolved")

/* How long a request took at most: name of the member, ns. */
#define SHUNT_TOOK(X)                                                                             \
	X(500us, 500000LL)                                                                        \
	X(1ms, 1000000LL)                                                                         \
	X(5ms, 5000000LL)                                                                         \
	X(10ms, 10000000LL)                                                                       \
	X(25ms, 25000000LL)                                                                       \
	X(50ms, 50000000LL)                                                                       \
	X(100ms, 100000000LL)                                                                     \
	X(250ms, 250000000LL)                                                                     \
	X(500ms, 500000000LL)                                                                     \
	X(1s, 1000000000LL)                                                                       \
	X(2500ms, 2500000000LL)                                                                   \
	X(5s, 5000000000LL)                                                                       \
	X(10s, 10000000000LL)                                                                     \
	X(30s, 30000000000LL)                                                                     \
	X(60s, 60000000000LL)                                                                     \
	X(300s, 300000000000LL)                                                                   \
	X(600s, 600000000000LL)                                                                   \
	X(1800s, 1800000000000LL)                                                                 \
	X(3600s, 3600000000000LL)

#define SHUNT_NR_FLAGS 21
#define SHUNT_NR_TOOK 20 /* the last one: longer than all */

/* Requests that ended, and connections whose bytes pass; a slot's records add up. */
struct requests {
	__u64 requests;
	__u64 bytes_received; /* of bodies, from clients */
	__u64 bytes_sent;     /* of bodies, to clients */
	__u64 duration;	      /* ns, of all together */
	__u64 status_none;    /* no answer */
	__u64 status_1xx;
	__u64 status_2xx;
	__u64 status_3xx;
	__u64 status_4xx;
	__u64 status_5xx;
#define X(name_, ns_) __u64 took_##name_;
	SHUNT_TOOK(X)
#undef X
	__u64 took_longer;
	__u64 retries;
	__u64 regex_limits; /* expressions of its matches that were given up: no match */
#define X(name_, text_) __u64 flag_##name_;
	SHUNT_FLAGS(X)
#undef X
};
_Static_assert(sizeof(struct requests) == 8 * (10 + SHUNT_NR_TOOK + 2 + SHUNT_NR_FLAGS),
	       "members are walked as arrays");

/* Who a slot of `requests` is; the key of its element is the first of its records. A text that is too
 * long ends in its hash. */
struct requests_name {
	char rule[256]; /* "VirtualService/default/reviews spec.http[0]"; "" none */
	char host[256];
	char subset[64];
	__u32 port;
	__u32 records;
};

/* Turns given out so far; on a line of its own, as all workers write it. */
struct proxy_turn {
	__u64 next;
	__u64 zero[7];
};

struct turn_name {
	char rule[256];
	char split[256]; /* the weight and name of each destination */
};

#endif
