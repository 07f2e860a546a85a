/* SPDX-License-Identifier: GPL-2.0 */
/* What one port of a host is to whom, before it is known which of that comes to the same. */
#ifndef DATAPATH_VARIANTS_H
#define DATAPATH_VARIANTS_H

#include "datapath/kernel.h"

/* A scope that a variant is for. */
struct reader {
	uint32_t scope;
	bool closed;  /* looks at its own key alone */
	bool refuses; /* what it does not know */
};

struct variant {
	enum route_kind kind;
	bool proxied;
	const struct plan_route *route; /* of ROUTE_STEER, else NULL */
	const struct inet *addresses;	/* at which it is there; elsewhere it is ROUTE_UNKNOWN */
	size_t nr_addresses;
	VEC(struct reader) readers;
};

/* The first one is everyone's, and has no readers. */
struct variants {
	VEC(struct variant) list;
};

void variants_of(struct datapath *dp, const struct plan_host *host, uint16_t port,
		 struct variants *out);
void variants_free(struct variants *v);
bool variant_is_at(const struct variant *v, const struct inet *address);
/* Port numbers of the host, of everyone's and of the views' ports, each once; the caller frees. */
uint16_t *port_numbers(const struct plan_host *host, size_t *nr);

#endif
