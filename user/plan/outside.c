// SPDX-License-Identifier: GPL-2.0
/* Where callers from outside of the node find a Service: its external addresses and node ports. */
#include <string.h>
#include "plan/ports.h"

/* ---- addresses ---- */

/* The first of its ports that another object has at the address; NULL: none. */
static const struct object *taken_by(const struct planner *p, const struct inet *address,
				     const struct service_port **port)
{
	const struct k8s_service *s = &p->owner->service;
	const struct object *o = NULL;
	char key[INDEX_KEY];

	index_key_address(key, address);
	for (size_t i = 0; i < s->nr_ports && !o; i++) {
		*port = &s->ports[i];
		o = claimed_by(p, key, *port);
	}
	return o;
}

static bool is_there(const struct plan_host *h, const struct inet *address)
{
	for (size_t i = 0; i < h->nr_outside; i++)
		if (inet_equal(&h->outside[i], address))
			return true;
	return false;
}

static void address_add(struct planner *p, const struct inet *address)
{
	const struct service_port *port;
	const struct object *o = taken_by(p, address, &port);
	struct plan_host *h = p->host;
	char text[INET_TEXT + 8];

	if (o)
		host_find(p, DIAG_WARNING, &p->owner->place, p->owner, "",
			  "%s of %s is already taken by %s; this address is left out",
			  inet_print_port(address, port->port, text), h->host, o->id);
	else if (!is_there(h, address))
		h->outside[h->nr_outside++] = *address;
}

static void local_set(struct planner *p)
{
	if (!p->owner->service.external_local)
		return;
	if (p->set->node && *p->set->node)
		p->host->outside_local = true;
	else
		host_find(p, DIAG_NOTICE, &p->owner->place, p->owner, "spec.externalTrafficPolicy",
			  "Local has no effect without --node: which endpoints are on the node is "
			  "not known");
}

void outside_set(struct planner *p)
{
	const struct k8s_service *s = &p->owner->service;

	if (p->owner->kind != KIND_SERVICE || s->headless || s->external_name)
		return;
	local_set(p);
	if (!s->nr_external_addresses)
		return;
	p->host->outside =
		arena_alloc(p->host->arena, s->nr_external_addresses * sizeof(p->host->outside[0]));
	for (size_t i = 0; i < s->nr_external_addresses; i++)
		address_add(p, &s->external_addresses[i]);
}

/* ---- node ports ---- */

/* Whoever states the node port before; they are the same for all callers. */
static const struct object *node_port_taken_by(const struct planner *p,
					       const struct service_port *port)
{
	const struct object *first = NULL;
	char key[INDEX_KEY];
	const struct bag *bag = strmap_get(&p->index->claims, index_key_node_port(key, port));
	struct object *o;

	bag_each(bag, o)
		if (object_order(o, p->owner) < 0 && (!first || object_order(o, first) < 0))
			first = o;
	return first;
}

static void node_port_set(struct planner *p, struct plan_port *out, const struct service_port *from)
{
	const struct object *o = node_port_taken_by(p, from);

	if (o)
		host_find(p, DIAG_WARNING, &p->owner->place, p->owner, "",
			  "node port %u of port %u is already taken by %s; it is left out",
			  from->node_port, from->port, o->id);
	else
		out->node_port = from->node_port;
}

/* ---- routes ---- */

static void route_set(struct planner *p, struct plan_port *port)
{
	const struct plan_route *route = &port->route;
	struct plan_split *splits;
	bool same = true;

	splits = arena_alloc(p->host->arena, route->nr_splits * sizeof(*splits));
	for (size_t i = 0; i < route->nr_splits; i++) {
		splits[i] = route->splits[i];
		splits[i].cluster = cluster_from_outside(p, route->splits[i].cluster);
		same &= splits[i].cluster == route->splits[i].cluster;
	}
	if (same)
		return;
	port->outside_route = arena_alloc(p->host->arena, sizeof(*port->outside_route));
	*port->outside_route = *route;
	port->outside_route->splits = splits;
}

void ports_open_outside(struct planner *p, struct ports *ports)
{
	const struct k8s_service *s = &p->owner->service;

	if (p->owner->kind != KIND_SERVICE || s->headless)
		return;
	for (size_t i = 0; i < ports->nr; i++) {
		struct plan_port *port = &ports->at[i];

		for (size_t j = 0; j < s->nr_ports; j++)
			if (s->ports[j].node_port && s->ports[j].port == port->port &&
			    s->ports[j].protocol == port->protocol)
				node_port_set(p, port, &s->ports[j]);
		if (port->node_port || s->nr_external_addresses)
			route_set(p, port);
	}
}
