// SPDX-License-Identifier: GPL-2.0
/* tcp routes of a port, TCP or UDP: which takes all of it, and which some of its addresses. */
#include <stdio.h>
#include <string.h>
#include "plan/rule.h"

/* ---- which of them ---- */

/* Whether an entry of match[] holds; a route that is not told so is not for UDP. */
static bool match_holds(struct planner *p, const struct plan_port *port,
			const struct route_match *m)
{
	const struct vantage mesh = {.port = port->port};

	if (port->protocol == PROTOCOL_UDP && m->port != port->port)
		return false;
	return !l4_match_misses(p, m, &mesh);
}

/* The first entry that takes all of the port; nr_matches: none. `route` has entries. */
static size_t match_of_all(struct planner *p, const struct plan_port *port,
			   const struct vs_route *route)
{
	size_t i = 0;

	while (i < route->nr_matches &&
	       (route->matches[i].nr_subnets || !match_holds(p, port, &route->matches[i])))
		i++;
	return i;
}

static bool takes_all(struct planner *p, const struct plan_port *port, const struct vs_route *route)
{
	if (!route->nr_matches)
		return port->protocol != PROTOCOL_UDP;
	return match_of_all(p, port, route) < route->nr_matches;
}

/* Index of the first route that takes all of the port; their number: none. */
static size_t route_of_all(struct planner *p, const struct plan_port *port, const struct object *vs)
{
	size_t nr = vs ? vs->virtual_service.nr_tcp : 0, i = 0;

	while (i < nr && !takes_all(p, port, &vs->virtual_service.tcp[i]))
		i++;
	return i;
}

static struct reach reach_of(const struct plan_port *port)
{
	return (struct reach){
		.layer = port->protocol == PROTOCOL_AUTO  ? LAYER_AUTO
			 : port->protocol == PROTOCOL_UDP ? LAYER_UDP
							  : LAYER_TCP,
		.listener = port->port};
}

/* ---- for all of the port ---- */

static bool main_build(struct planner *p, const struct plan_port *port, const struct object *vs,
		       size_t i, struct plan_route *out)
{
	const struct reach reach = reach_of(port);
	bool routed = vs && i < vs->virtual_service.nr_tcp;

	if (routed)
		split_build(p, out, vs, &vs->virtual_service.tcp[i], &reach);
	else
		plain_build(p, out, &reach);
	return routed;
}

static void passed_tell(struct planner *p, const struct object *vs, const struct vs_route *route,
			size_t i)
{
	char field[96];

	snprintf(field, sizeof(field), "%s.match[%zu].destinationSubnets", route->path, i);
	host_find(p, DIAG_NOTICE, &route->matches[i].place, vs, field,
		  "a match for some addresses only is passed over where http routes count too");
}

bool tcp_bytes_build(struct planner *p, const struct plan_port *port, const struct object *vs,
		     struct plan_route *out)
{
	size_t nr = route_of_all(p, port, vs);

	for (size_t i = 0; vs && i < nr; i++) {
		const struct vs_route *route = &vs->virtual_service.tcp[i];

		for (size_t j = 0; j < route->nr_matches; j++)
			if (route->matches[j].nr_subnets && match_holds(p, port, &route->matches[j]))
				passed_tell(p, vs, route, j);
	}
	return main_build(p, port, vs, nr, out);
}

/* ---- for some of its addresses ---- */

static bool subnet_has(const struct subnet *outer, const struct subnet *inner)
{
	return outer->prefix <= inner->prefix &&
	       inet_is_within(&inner->address, &outer->address, outer->prefix);
}

bool host_meets_subnet(const struct planner *p, const struct subnet *subnet)
{
	size_t nr, nr_subnets;
	const struct inet *at = owner_addresses(p->owner, &nr);
	const struct subnet *subnets = owner_subnets(p->owner, &nr_subnets);

	if (!nr) {
		at = p->host->addresses;
		nr = p->host->nr_addresses;
	}
	for (size_t i = 0; i < nr; i++)
		if (inet_is_within(&at[i], &subnet->address, subnet->prefix))
			return true;
	for (size_t i = 0; i < nr_subnets; i++)
		if (subnet_has(subnet, &subnets[i]) || subnet_has(&subnets[i], subnet))
			return true;
	return false;
}

static bool is_branch(const struct plan_port *port, const struct subnet *subnet)
{
	for (size_t i = 0; i < port->nr_branches; i++)
		if (port->branches[i].subnet.prefix == subnet->prefix &&
		    inet_equal(&port->branches[i].subnet.address, &subnet->address))
			return true;
	return false;
}

static void unmet_tell(struct planner *p, const struct object *vs, const struct vs_route *route,
		       size_t i, const struct subnet *subnet)
{
	char field[96], text[INET_TEXT];

	snprintf(field, sizeof(field), "%s.match[%zu].destinationSubnets", route->path, i);
	host_find(p, DIAG_WARNING, &route->matches[i].place, vs, field,
		  "%s has no address of %s; it has no effect",
		  inet_print_cidr(&subnet->address, subnet->prefix, text), p->host->host);
}

/* The subnets of one entry; *built: the route of its rule, once it is needed. */
static void match_branch(struct planner *p, struct plan_port *port, const struct object *vs,
			 const struct vs_route *route, size_t i, struct plan_route *built)
{
	const struct route_match *m = &route->matches[i];
	const struct reach reach = reach_of(port);

	for (size_t j = 0; j < m->nr_subnets; j++) {
		if (!host_meets_subnet(p, &m->subnets[j])) {
			unmet_tell(p, vs, route, i, &m->subnets[j]);
			continue;
		}
		if (is_branch(port, &m->subnets[j]))
			continue; /* the earlier one counts */
		if (!built->nr_splits)
			split_build(p, built, vs, route, &reach);
		port->branches[port->nr_branches++] =
			(struct plan_branch){.subnet = m->subnets[j], .route = *built};
	}
}

/* Those of a route, up to its entry that takes all, if it has one. */
static void route_branch(struct planner *p, struct plan_port *port, const struct object *vs,
			 const struct vs_route *route)
{
	size_t nr = match_of_all(p, port, route);
	struct plan_route built = {0};

	for (size_t i = 0; i < nr; i++)
		if (match_holds(p, port, &route->matches[i]))
			match_branch(p, port, vs, route, i, &built);
}

static void branches_build(struct planner *p, struct plan_port *port, const struct object *vs,
			   size_t nr)
{
	const struct vs_route *tcp = vs->virtual_service.tcp;
	size_t nr_subnets = 0;

	for (size_t i = 0; i < nr; i++)
		for (size_t j = 0; j < tcp[i].nr_matches; j++)
			nr_subnets += tcp[i].matches[j].nr_subnets;
	if (!nr_subnets)
		return;
	port->branches = arena_alloc(p->host->arena, nr_subnets * sizeof(port->branches[0]));
	for (size_t i = 0; i < nr; i++)
		route_branch(p, port, vs, &tcp[i]);
}

/* Istio leaves UDP alone, so it is said where a route is taken for it. */
static void udp_tell(struct planner *p, const struct plan_port *port, const struct object *vs)
{
	for (size_t i = 0; vs && i < vs->virtual_service.nr_tcp; i++) {
		const struct vs_route *route = &vs->virtual_service.tcp[i];
		char field[96];

		for (size_t j = 0; j < route->nr_matches; j++) {
			if (!match_holds(p, port, &route->matches[j]))
				continue;
			snprintf(field, sizeof(field), "%s.match[%zu].port", route->path, j);
			host_find(p, DIAG_NOTICE, &route->matches[j].place, vs, field,
				  "%u is a UDP port of %s, which is split too: an extension, Istio "
				  "does not route UDP", port->port, p->host->host);
		}
	}
}

bool tcp_route_build(struct planner *p, struct plan_port *port, const struct object *vs)
{
	size_t nr = route_of_all(p, port, vs);
	size_t all = vs && nr < vs->virtual_service.nr_tcp ? nr + 1 : nr;

	if (port->protocol == PROTOCOL_UDP)
		udp_tell(p, port, vs);
	if (vs)
		branches_build(p, port, vs, all);
	return main_build(p, port, vs, nr, &port->route);
}
