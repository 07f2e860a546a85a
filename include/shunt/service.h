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

/* Layout of the maps and of what live sockets carry; a change here needs a new number. */
#define SHUNT_LAYOUT 3

enum scope {
	SCOPE_ALL = 0,	/* every caller */
	SCOPE_HOST = 1, /* callers in the network namespace of the agent */
	SCOPE_FIRST = 2, /* from here on those that scope_names names */
};

struct service_key {
	__u8 address[16];
	__u16 port;
	__u8 protocol; /* IPPROTO_TCP */
	__u8 zero;
	__u32 scope;
};
_Static_assert(sizeof(struct service_key) == 24, "hash keys must have no padding");

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
};
_Static_assert(sizeof(struct caller) == 16, "the stride of a mapped array");

#define CALLER_SHIFT 32
#define CALLER_CLOSED 1ULL	   /* only services with this very scope exist for it */
#define CALLER_REFUSE_UNKNOWN 2ULL /* what is no service of its is refused */
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

enum policy {
	POLICY_LEAST_REQUEST = 0, /* the fewer live connections of two picked at random */
	POLICY_ROUND_ROBIN = 1,
	POLICY_RANDOM = 2,
	POLICY_PASSTHROUGH = 3, /* the address that was dialled */
};

#define CLUSTER_UNKNOWN 1 /* the plan names a host, port or subset that does not exist */

/*
 * A destination of a route. Endpoints are ordered: those with only IPv4, those with both, those
 * with only IPv6; so each family is one range.
 */
struct cluster {
	__u32 state;	  /* slot in cluster_state */
	__u32 generation; /* of that slot */
	__u32 max_connections; /* 0: no limit */
	__u32 weight;
	__u8 policy; /* enum policy */
	__u8 flags;  /* CLUSTER_* */
	__u16 port;  /* of the destination service */
	__u32 first_endpoint; /* of all */
	__u32 nr_ipv4;	      /* endpoints[first .. first + nr_ipv4) have an IPv4 address */
	__u32 skip_ipv6;      /* endpoints[first + skip_ipv6 .. + nr_ipv6) have an IPv6 address */
	__u32 nr_ipv6;
	__u32 nr_endpoints;
};
_Static_assert(sizeof(struct cluster) == 40, "no padding");

/*
 * Live state of a cluster, kept over plans and restarts.
 * `active` counts reservations in two halves, one an audit epoch: see flow.h.
 */
struct cluster_state {
	__u64 active;
	__u64 next; /* round robin */
	__u64 opened;
	__u64 connected;
	__u64 refused_limit;
	__u64 refused_no_endpoint;
	__u64 connect_failed;
	__u32 generation;
	__u32 zero;
};
_Static_assert(sizeof(struct cluster_state) == 64, "one cache line");

/* Who a cluster_state slot is; for people, and for an agent that adopts the maps. */
struct cluster_name {
	char host[256];
	char subset[64];
	__u32 port;
	__u32 generation;
};

#endif
