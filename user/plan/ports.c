// SPDX-License-Identifier: GPL-2.0
/* The ports of a host as one caller sees them, and the addresses they are dialled at. */
#include <stdlib.h>
#include <string.h>
#include "plan/named.h"
#include "plan/visible.h"

/* ---- addresses ---- */

static struct addresses_given addresses_allocate(struct planner *p)
{
	struct addresses_given out = {0};
	struct inet *at = arena_alloc(p->host->arena, 2 * sizeof(*at));

	if (addresses_of(p->addresses, p->host->host, &at[0], &at[1])) {
		host_find(p, DIAG_WARNING, &p->owner->place, p->owner, "",
			  "gets no address: all of 240.240.0.0/16 are taken");
		return out;
	}
	out.at = at;
	out.nr = 2;
	out.allocated = true;
	return out;
}

/* Only hosts that are steered get one: nobody answers at it otherwise. */
static bool gets_address(const struct object *owner, const char *host)
{
	if (owner->kind == KIND_SERVICE)
		return !owner->service.headless && !owner->service.external_name;
	return owner->service_entry.resolution == RESOLUTION_STATIC &&
	       !owner->service_entry.nr_subnets && host[0] != '*';
}

struct addresses_given addresses_given(struct planner *p)
{
	struct addresses_given out = {0};
	const struct inet *from;

	if (is_named(p->owner))
		return out;
	from = owner_addresses(p->owner, &out.nr);
	if (!out.nr)
		return gets_address(p->owner, p->host->host) ? addresses_allocate(p) : out;
	out.at = arena_alloc(p->host->arena, out.nr * sizeof(*from));
	memcpy(out.at, from, out.nr * sizeof(*from));
	return out;
}

struct subnet *subnets_given(struct planner *p, size_t *nr)
{
	const struct subnet *from = is_named(p->owner) ? NULL : owner_subnets(p->owner, nr);
	struct subnet *at;

	if (!from)
		*nr = 0;
	if (!*nr)
		return NULL;
	at = arena_alloc(p->host->arena, *nr * sizeof(*at));
	return memcpy(at, from, *nr * sizeof(*at));
}

/* ---- one port ---- */

/* Why connections to any port of the owner pass as dialled; NULL: they are steered. */
static const char *untouched_because(const struct object *owner)
{
	if (owner->kind == KIND_SERVICE)
		return owner->service.headless ? "headless: spec.clusterIP is None" : NULL;
	switch (owner->service_entry.resolution) {
	case RESOLUTION_NONE:
		return "spec.resolution: NONE is not in force";
	case RESOLUTION_DNS:
		return "spec.resolution: DNS is not in force";
	case RESOLUTION_DNS_ROUND_ROBIN:
		return "spec.resolution: DNS_ROUND_ROBIN is not in force";
	case RESOLUTION_DYNAMIC_DNS:
		return "spec.resolution: DYNAMIC_DNS is not in force";
	default:
		return NULL;
	}
}

static bool is_loopback(const struct plan_endpoint *e)
{
	return (e->has_ipv4 && inet_is_loopback(&e->ipv4)) ||
	       (e->has_ipv6 && inet_is_loopback(&e->ipv6));
}

static bool has_loopback(const struct plan_route *r)
{
	for (size_t i = 0; i < r->nr_splits; i++) {
		const struct plan_cluster *c = r->splits[i].cluster;

		for (size_t j = 0; j < c->nr_endpoints; j++)
			if (is_loopback(&c->endpoints[j]))
				return true;
	}
	return false;
}

static void loopback_check(struct planner *p, struct plan_port *port)
{
	port->host_only = has_loopback(&port->route);
	for (size_t i = 0; i < port->nr_branches && !port->host_only; i++)
		port->host_only = has_loopback(&port->branches[i].route);
	if (port->host_only)
		host_find(p, DIAG_WARNING, &p->owner->place, p->owner, "",
			  "has loopback endpoints: it is reachable from the host only");
}

static int address_order(const void *a, const void *b)
{
	const struct plan_address *x = a, *y = b;
	int order = memcmp(&x->address, &y->address, sizeof(x->address));

	return order ? order : (int)x->port - (int)y->port;
}

static void pass_add(struct plan_port *out, const struct inet *address, uint16_t port)
{
	out->passes[out->nr_passes++] = (struct plan_address){.address = *address, .port = port};
}

/* Clients reach a server of an untouched port at its own address, by its port or the service's. */
static void passes_find(struct planner *p, const struct service_port *from, struct plan_port *out)
{
	struct backends backends;
	const struct backend *b;
	size_t kept = 0;

	backends_of(p, p->owner, p->host->host, from, &backends);
	out->passes = arena_alloc(p->host->arena, 4 * backends.list.nr * sizeof(out->passes[0]));
	vec_each(&backends.list, b) {
		const struct plan_endpoint *e = &b->endpoint;

		for (int i = 0; i < 2; i++) {
			uint16_t port = i ? out->port : e->port;

			if (e->has_ipv4)
				pass_add(out, &e->ipv4, port);
			if (e->has_ipv6)
				pass_add(out, &e->ipv6, port);
		}
	}
	vec_free(&backends.list);
	if (out->nr_passes > 1)
		qsort(out->passes, out->nr_passes, sizeof(out->passes[0]), address_order);
	for (size_t i = 0; i < out->nr_passes; i++)
		if (!kept || address_order(&out->passes[kept - 1], &out->passes[i]))
			out->passes[kept++] = out->passes[i];
	out->nr_passes = kept;
}

static void port_add(struct planner *p, struct ports *ports, const struct service_port *from,
		     const struct object *vs, const char *because)
{
	struct plan_port *out = &ports->at[ports->nr];

	if (!sidecar_opens(p, p->host->host, p->owner->namespace, from->port) ||
	    port_is_claimed(p, from))
		return;
	ports->nr++;
	out->port = from->port;
	out->name = from->name;
	out->protocol = from->protocol;
	out->because = because ? because : "";
	out->refuse_because = "";
	out->drain.from.field = out->guard.from.field = "";
	out->verdict = because ? VERDICT_UNTOUCHED : VERDICT_KERNEL;
	out->route.name = "default";
	out->route.object = "";
	if (because) {
		passes_find(p, from, out);
	} else {
		route_build(p, out, vs);
		wishes_set(p, out, vs);
		loopback_check(p, out);
		advice_give(p, out, vs);
	}
}

/* ---- all of them ---- */

static void ports_add(struct planner *p, const struct object *vs, const char *because,
		      struct ports *out)
{
	size_t nr;
	const struct service_port *from = owner_ports(p->owner, &nr);

	host_use(p, (struct object *)p->owner);
	if (vs)
		host_use(p, (struct object *)vs);
	out->at = arena_alloc(p->host->arena, nr * sizeof(out->at[0]));
	out->nr = 0;
	for (size_t i = 0; i < nr; i++)
		port_add(p, out, &from[i], vs, because);
}

/* An alias is its target under one more name, so it is planned as the target. */
static void alias_build(struct planner *p, struct ports *out)
{
	const char *host = p->host->host, *name = alias_target(p);
	struct planner target = *p;

	if (!name) {
		ports_add(p, NULL,
			  arena_printf(p->host->arena, "spec.externalName: %s is no known host",
				       p->owner->service.external_name),
			  out);
		return;
	}
	target.owner = host_owner(p, name);
	p->host->host = name;
	ports_add(&target, routes_owner(&target, name, NULL), untouched_because(target.owner), out);
	p->host->host = host;
}

static void own_build(struct planner *p, struct ports *out)
{
	const struct bag *all = NULL;
	struct object *vs = routes_owner(p, p->host->host, &all);

	concerns_check(p, vs, all);
	ports_add(p, vs, untouched_because(p->owner), out);
	ports_open_outside(p, out);
}

void ports_build(struct planner *p, struct ports *out)
{
	struct strmap clusters = {0};

	p->clusters = &clusters;
	memset(out, 0, sizeof(*out));
	if (is_named(p->owner))
		named_build(p, out);
	else if (alias_name(p->owner))
		alias_build(p, out);
	else
		own_build(p, out);
	p->clusters = NULL;
	strmap_free(&clusters);
}
