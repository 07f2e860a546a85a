/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a DestinationRule asks of the connections to a cluster, beside its endpoints: by the slot in
 * cluster_state. The agent changes it in place, a member at a time; each means the same whatever the
 * others say. RULES_* in cluster_state say which of them there is to look at.
 */
#ifndef SHUNT_RULES_H
#define SHUNT_RULES_H

#include <linux/types.h>

#define RULES_OUTLIER 1
#define RULES_GUARD 2
#define RULES_CONNECT_TIMEOUT 4
#define RULES_KEEPALIVE 8
#define RULES_IDLE 16	  /* by the agent's sweep, as is the next */
#define RULES_DURATION 32
#define RULES_SPLICE 64 /* of the proxy's connections: the service asks for it */

struct cluster_rules {
	/* outlierDetection */
	__u64 base_ejection; /* ns */
	__u64 interval;	     /* ns that an endpoint has to be back for its backoff to go down by one */
	__u32 consecutive;   /* connect failures in a row that eject; 0: never */
	__u32 max_ejection_percent;
	/* the guard of its route: more failures than this share of so many outcomes take it out */
	__u64 guard; /* percent, and in the upper half the window; 0: none */
	/* connectionPool.tcp; 0: not given */
	__u32 connect_timeout; /* ms */
	__u32 keepalive_time;  /* s, as the next */
	__u32 keepalive_interval;
	__u32 keepalive_probes;
	__u64 idle_timeout; /* ns, as the next */
	__u64 max_duration;
};
_Static_assert(sizeof(struct cluster_rules) == 64, "the stride of a mapped array");

/* The longest ejection, unless base_ejection is longer. */
#define EJECTION_MAX_NS 300000000000ULL

#endif
