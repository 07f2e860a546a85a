// SPDX-License-Identifier: GPL-2.0
/* What a plan needs at all: the L7 proxy, and the addresses of callers. */
#include "plan/plan.h"

static bool any_port(const struct plan_port *ports, size_t nr,
		     bool (*is)(const struct plan_port *p))
{
	for (size_t i = 0; i < nr; i++)
		if (is(&ports[i]))
			return true;
	return false;
}

/* Of any caller. */
static bool any(const struct plan *p, bool (*is)(const struct plan_port *p))
{
	const struct strmap_entry *e;

	strmap_each(&p->hosts, e) {
		const struct plan_host *h = e->value;

		if (any_port(h->ports, h->nr_ports, is))
			return true;
		for (size_t i = 0; i < h->nr_views; i++)
			if (any_port(h->views[i].ports, h->views[i].nr_ports, is))
				return true;
	}
	return false;
}

bool plan_proxied(const struct plan *p)
{
	return any(p, plan_port_proxied);
}

static bool route_is_by_source(const struct plan_route *r)
{
	for (size_t i = 0; i < r->nr_splits; i++)
		if (r->splits[i].cluster->affinity ||
		    r->splits[i].cluster->policy == POLICY_SOURCE_HASH)
			return true;
	return false;
}

/* What comes from outside of the node has its address with it. */
static bool port_is_by_source(const struct plan_port *p)
{
	for (size_t i = 0; i < p->nr_branches; i++)
		if (route_is_by_source(&p->branches[i].route))
			return true;
	return route_is_by_source(&p->route);
}

bool plan_by_source(const struct plan *p)
{
	return any(p, port_is_by_source);
}
