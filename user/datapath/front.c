/* SPDX-License-Identifier: GPL-2.0 */
/* What a port of a service shows to callers from outside of the node. */
#include <string.h>
#include "datapath/variants.h"

static void front_add(struct variants *out, const struct inet *address, uint16_t node_port)
{
	struct range range = range_of_address(address);

	range.node_port = node_port;
	vec_push(&out->outside, range);
}

void front_places(const struct datapath *dp, const struct plan_host *host,
		  const struct plan_port *port, struct variants *out)
{
	for (size_t i = 0; i < host->nr_outside; i++)
		front_add(out, &host->outside[i], 0);
	for (size_t i = 0; port->node_port && i < dp->node_addresses.nr; i++)
		front_add(out, &dp->node_addresses.at[i], port->node_port);
}

/* The same cluster, with the endpoints on this node alone. */
static struct plan_cluster *cluster_on_node(struct arena *arena, const struct plan_cluster *c)
{
	struct plan_cluster *copy = arena_alloc(arena, sizeof(*copy));

	*copy = *c;
	copy->nr_endpoints = 0;
	copy->endpoints = arena_alloc(arena, c->nr_endpoints * sizeof(*c->endpoints));
	for (size_t i = 0; i < c->nr_endpoints; i++)
		if (c->endpoints[i].on_node)
			copy->endpoints[copy->nr_endpoints++] = c->endpoints[i];
	return copy;
}

const struct plan_route *front_route(struct datapath *dp, const struct plan_host *host,
				     const struct plan_port *port)
{
	const struct plan_route *route =
		port->outside_route ? port->outside_route : &port->route;
	struct plan_route *copy;

	if (!host->outside_local)
		return route;
	if (!dp->fronts)
		dp->fronts = arena_new();
	copy = arena_alloc(dp->fronts, sizeof(*copy));
	*copy = *route;
	copy->splits = arena_alloc(dp->fronts, route->nr_splits * sizeof(*route->splits));
	memcpy(copy->splits, route->splits, route->nr_splits * sizeof(*route->splits));
	for (size_t i = 0; i < route->nr_splits; i++)
		copy->splits[i].cluster =
			cluster_on_node(dp->fronts, route->splits[i].cluster);
	return copy;
}
