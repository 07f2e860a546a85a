/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is counted and known of a cluster and of each of its endpoints while they live: kept over
 * plans and restarts. The agent gives out the slots; the programs write, atomically. `generation`
 * differs whenever a slot has gone on to another cluster or endpoint.
 */
#ifndef SHUNT_STATE_H
#define SHUNT_STATE_H

#include <linux/types.h>

/* Why a connect failed. */
enum failure {
	FAILURE_NONE = 0,
	FAILURE_REFUSED = 1,
	FAILURE_TIMED_OUT = 2,
	FAILURE_UNREACHABLE = 3,
};

struct endpoint_state {
	__u64 active; /* as in cluster_state */
	__u64 opened;
	__u64 connect_failed;
	__u64 ejected_until; /* CLOCK_MONOTONIC ns; it is out while that is to come. 0: it is not */
	__u64 returned;	     /* when it came back last, ns */
	__u32 ejections;     /* ever */
	__u32 gone;	     /* 1: no plan in force has it any more; the agent's */
	__u32 failures;	     /* in a row */
	__u32 backoff;	     /* ejections that make the next one longer, as of `returned` */
	__u32 generation;
	__u32 next; /* the cluster's next endpoint: its slot + 1; 0: it was the last. The agent's */
};
_Static_assert(sizeof(struct endpoint_state) == 64, "one cache line");

/*
 * `active` counts reservations in two halves, one an audit epoch: see flow.h. What every connection
 * reads or writes is on the first line, what is rare on the second.
 */
struct cluster_state {
	__u64 active;
	__u64 next; /* round robin */
	__u64 opened;
	__u64 connected;
	__u64 returns; /* ns when the first ejected endpoint comes back; 0: none is ejected */
	__u64 guarded; /* ns since when its guard keeps it out of splits; 0: it does not */
	__u32 rules;   /* RULES_*: what of cluster_rules there is to look at; the agent's */
	__u32 endpoints; /* its first endpoint's slot + 1; 0: it has none. The agent's */
	__u32 generation;
	__u32 ejected; /* endpoints that are, as of the last ejection or sweep */

	__u64 refused_limit;
	__u64 refused_no_endpoint;
	__u64 connect_failed;
	__u64 ejections;	 /* ever */
	__u64 ejections_refused; /* those that maxEjectionPercent forbade */
	__u64 window;		 /* of the guard: outcomes, and in the upper half failures */
	__u64 guards;		 /* how often the guard took it out */
	__u32 ejecting;		 /* 1: a CPU counts and ejects, or takes back */
	__u32 zero;
};
_Static_assert(sizeof(struct cluster_state) == 128, "two cache lines");

#endif
