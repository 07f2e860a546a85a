// SPDX-License-Identifier: GPL-2.0
/* Whether a plan needs the L7 proxy at all. */
#include "plan/plan.h"

static bool any_proxied(const struct plan_port *ports, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (plan_port_proxied(&ports[i]))
			return true;
	return false;
}

bool plan_proxied(const struct plan *p)
{
	const struct strmap_entry *e;

	strmap_each(&p->hosts, e) {
		const struct plan_host *h = e->value;

		if (any_proxied(h->ports, h->nr_ports))
			return true;
		for (size_t i = 0; i < h->nr_views; i++)
			if (any_proxied(h->views[i].ports, h->views[i].nr_ports))
				return true;
	}
	return false;
}
