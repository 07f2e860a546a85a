/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a connection dials and what is decided about it: service -> route -> schedule -> cluster.
 *
 * Values larger than 8 bytes tear when they are changed in place, and a deleted hash element is
 * reused while a reader holds it. So: a hash element holds only a slot number; every record is
 * written into a slot that nothing points at; one aligned 64-bit word makes it visible.
 * All numbers are in host order, so that a dump reads as it is; IPv4 addresses are v4-mapped.
 */
#ifndef SHUNT_SERVICE_H
#define SHUNT_SERVICE_H

#include <linux/types.h>
#include "limits.h"
#include "policy.h"
#include "state.h"

/* Layout of the maps and of what live sockets carry; a change here needs a new number. */
#define SHUNT_LAYOUT 4

enum scope {
	SCOPE_ALL = 0,	/* every caller */
	SCOPE_HOST = 1, /* callers in the network namespace of the agent */
	SCOPE_OUTSIDE = 2, /* callers from outside of the node, at addresses that are for them */
	SCOPE_FIRST = 3, /* from here on those that scope_names names */
};

struct service_key {
	__u8 address[16];
	__u16 port;
	__u8 protocol;	/* IPPROTO_TCP, IPPROTO_UDP */
	__u8 host_bits; /* at the end of the address, that may be any: a subnet; 0: one address */
	__u32 scope;
};
_Static_assert(sizeof(struct service_key) == 24, "hash keys must have no padding");

/* The key of a subnet in `service_subnets`: the longest one that has the address counts. */
struct subnet_key {
	__u32 prefix; /* bits: all before the address, and those of it that count */
	__u32 scope;
	__u16 port;
	__u8 protocol;
	__u8 zero;
	__u8 address[16];
};
_Static_assert(sizeof(struct subnet_key) == 28, "no padding");
#define SUBNET_BEFORE 64 /* bits of a subnet_key between prefix and address */

/*
 * The record a `services` element points at. The key is constant while the slot is in use and lets
 * a reader notice a recycled hash element. The word is the only thing that changes under readers.
 */
struct service {
	struct service_key key;
	__u64 word; /* route slot, and in the upper half that route's generation */
};
_Static_assert(sizeof(struct service) == 32, "half a cache line");

/*
 * Who calls. The element of `scopes` holds only this record's slot, and is written once: a caller
 * changes its scope by one store of the word, so no reader finds it missing or half changed. The
 * cookie never comes again and lets a reader notice a recycled hash element.
 */
struct caller {
	__u64 netns; /* cookie of the network namespace */
	__u64 word;  /* scope, and in the upper half CALLER_* */
	__u8 ipv4[16]; /* its own address, v4-mapped; all zero: not known */
	__u8 ipv6[16];
};
_Static_assert(sizeof(struct caller) == 48, "the stride of a mapped array");

#define CALLER_SHIFT 32
#define CALLER_CLOSED 1ULL	   /* only services with this very scope exist for it */
#define CALLER_REFUSE_UNKNOWN 2ULL /* what is no service of its is refused */
#define CALLER_CAPTURED 8ULL   /* steered by its packets: its sockets are left alone */
#define CALLER_SPLICE 16ULL    /* what it dials, and what the proxy dials there, is to be spliced */
#define CALLER_NOBODY 4ULL	   /* of no pod: everyone's, counted unknown_caller */

/* What a scope stands for; for people, and for an agent that adopts the maps. */
struct scope_name {
	char key[512]; /* "default{app=web}"; one that is longer ends in its hash */
};

enum route_kind {
	ROUTE_STEER = 1,
	ROUTE_UNTOUCHED = 2, /* the address passes as dialled */
	ROUTE_REFUSE = 3,    /* only the proxy could take it: ECONNREFUSED */
	ROUTE_UNKNOWN = 4,   /* a service for other callers only: as if it were none */
};

/* This is everyone's; some callers have another under their own scope. */
#define ROUTE_SCOPED 1
/* The proxy takes it; its kind is what becomes of it while the proxy does not serve. */
#define ROUTE_PROXIED 2
#define ROUTE_SPLICE 8 /* its connections are to be spliced */
#define ROUTE_GUARDED 4 /* its destinations have a guard: one that is out has no turns */

struct route {
	__u32 generation; /* of this slot; a word that names another one is stale */
	__u32 plan;	  /* number of the plan that wrote it */
	__u8 kind;	  /* enum route_kind */
	__u8 flags;	  /* ROUTE_* */
	__u16 nr_clusters;
	__u32 first_cluster;  /* clusters[first .. first + nr) are this route's destinations */
	__u32 turn;	      /* slot in turns, when schedule_length > 0 */
	__u32 schedule;	      /* first block */
	__u32 schedule_length; /* picks in one round; 0: a single destination, no schedule */
	__u32 zero;
};
_Static_assert(sizeof(struct route) == 32, "half a cache line");

/* Which destination (index below nr_clusters) takes each turn; Tijdeman's order. */
struct schedule {
	__u8 pick[SHUNT_SCHEDULE_BLOCK];
};

/* Turns given out so far; on a line of its own, as all CPUs write it. */
struct turn {
	__u64 next;
	__u64 zero[7];
};

#define CLUSTER_UNKNOWN 1 /* the plan names a host, port or subset that does not exist */
#define CLUSTER_IPV4 2	  /* it has endpoints with such an address */
#define CLUSTER_IPV6 4

/*
 * A destination of a route. Its endpoints stand in pools: pools[first_pool + 2 * level + ipv6] has
 * those of one family and priority, the levels without any left out.
 */
struct cluster {
	__u32 state;	  /* slot in cluster_state */
	__u32 generation; /* of that slot */
	__u32 max_connections; /* 0: no limit */
	__u32 weight;
	__u8 policy; /* enum policy */
	__u8 flags;  /* CLUSTER_* */
	__u16 port;  /* of the destination service */
	__u32 first_pool;
	__u8 nr_levels;	 /* of the family that has more */
	__u8 min_health; /* percent; with fewer that are not ejected, ejection does not count */
	__u16 warmup_least; /* of a new endpoint's share, in 1/65536 */
	__u32 warmup_power; /* of the time that it has warmed up, in 1/4096: 1 / aggression */
	__u64 warmup;	    /* ns that an endpoint warms up; 0: it does not */
	__u64 warm;	    /* CLOCK_MONOTONIC ns when the last one is warm; 0: all are */
	__u32 affinity;	    /* s that a caller keeps its endpoint; 0: it does not */
	__u32 first_endpoint; /* endpoints[first .. first + nr) are those of all its pools */
	__u32 nr_endpoints;
	__u32 zero;
};
_Static_assert(sizeof(struct cluster) == 64, "one cache line");

/* Endpoints of one family and priority of a cluster. */
struct pool {
	__u32 first; /* endpoints[first .. first + nr) */
	__u32 nr;
	__u32 chart; /* first block in charts */
	__u32 chart_length; /* places; 0: no chart, each of them has one */
};
_Static_assert(sizeof(struct pool) == 16, "a quarter of a cache line");

/*
 * Which endpoint (below nr of the pool) has each place. Of POLICY_SOURCE_HASH it is Maglev's table,
 * else every endpoint has as many places as its weight says, in Tijdeman's order.
 */
struct chart {
	__u16 at[SHUNT_CHART_BLOCK];
};

/* Who a cluster_state slot is; for people, and for an agent that adopts the maps. */
struct cluster_name {
	char host[256];
	char subset[64];
	__u16 port;
	__u8 protocol;
	__u8 zero;
	__u32 generation;
};

#endif
