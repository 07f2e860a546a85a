/* SPDX-License-Identifier: GPL-2.0 */
/* What one port of a host is to whom, before it is known which of that comes to the same. */
#ifndef DATAPATH_VARIANTS_H
#define DATAPATH_VARIANTS_H

#include "datapath/kernel.h"
#include "datapath/range.h"

/* A scope that a variant is for. */
struct reader {
	uint32_t scope;
	bool closed;  /* looks at its own key alone */
	bool refuses; /* what it does not know */
};

struct variant {
	enum route_kind kind;
	bool proxied;
	const struct plan_port *port;	/* NULL: there is none */
	const struct plan_route *route; /* of ROUTE_STEER, else NULL */
	const struct inet *addresses;	/* at these and these it is there; elsewhere it is ROUTE_UNKNOWN */
	size_t nr_addresses;
	const struct subnet *subnets;
	size_t nr_subnets;
	bool outside; /* also at the places of variants.outside */
	size_t nr_branches;    /* the variants that follow: each for a part of those places */
	struct range within;   /* of a branch: that part */
	VEC(struct reader) readers; /* a branch has none: those of what it belongs to */
};

/* The first one is everyone's, and has no readers. */
struct variants {
	VEC(struct variant) list;
	VEC(struct range) ranges; /* where any of them is there, each once */
	VEC(struct range) outside; /* node ports, external and load balancers' addresses */
};

void variants_of(struct datapath *dp, const struct plan_host *host, struct port_id port,
		 struct variants *out);
void variants_free(struct variants *v);
/* front.c: where the port is there for callers from outside, and what it is for them: the route is
 * in dp->fronts until the sync has ended. */
void front_places(const struct datapath *dp, const struct plan_host *host,
		  const struct plan_port *port, struct variants *out);
const struct plan_route *front_route(struct datapath *dp, const struct plan_host *host,
				     const struct plan_port *port);
#define VARIANT_NONE SIZE_MAX
/* What the readers of variant `i` see at a place: it or a branch of it; VARIANT_NONE: nothing. */
size_t variant_at(const struct variants *v, size_t i, const struct range *range);
/* Ports of the host, of everyone's and of the views', each once; the caller frees. */
struct port_id *port_ids(const struct plan_host *host, size_t *nr);

#endif
