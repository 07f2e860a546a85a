// SPDX-License-Identifier: GPL-2.0
/* Which route a port takes, and how it is split. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "plan/host.h"

struct object *routes_owner(const struct planner *p, const char *host, const struct bag **all)
{
	size_t step = 0;
	const struct bag *bag =
		index_cover(&p->index->routes, p->index->nr_wild_routes, host, &step);
	struct object *o, *first = NULL;

	bag_each(bag, o)
		if (!first || object_order(o, first) < 0)
			first = o;
	if (all)
		*all = bag;
	return first;
}

enum section section_of(const struct virtual_service *vs, enum protocol protocol,
			const struct later **later)
{
	bool http = protocol_is_http(protocol) || (protocol == PROTOCOL_AUTO && vs->nr_http);
	bool tls = protocol == PROTOCOL_HTTPS || protocol == PROTOCOL_TLS;

	if (tls) {
		*later = vs->tls_later;
		return SECTION_NONE;
	}
	*later = http ? vs->http_later : vs->tcp_later;
	if (*later)
		return SECTION_NONE;
	return http ? SECTION_HTTP : SECTION_TCP;
}

static const struct vs_route *section_routes(const struct virtual_service *vs, enum section section,
					     size_t *nr)
{
	*nr = section == SECTION_HTTP ? vs->nr_http : section == SECTION_TCP ? vs->nr_tcp : 0;
	return section == SECTION_HTTP ? vs->http : vs->tcp;
}

static bool route_takes(const struct vs_route *route, uint16_t port)
{
	for (size_t i = 0; i < route->nr_matches; i++)
		if (!route->matches[i].port || route->matches[i].port == port)
			return true;
	return !route->nr_matches;
}

const struct vs_route *route_find(const struct virtual_service *vs, enum section section,
				  uint16_t port)
{
	size_t nr;
	const struct vs_route *routes = section_routes(vs, section, &nr);

	for (size_t i = 0; i < nr; i++)
		if (route_takes(&routes[i], port))
			return &routes[i];
	return NULL;
}

/* ---- the split ---- */

static uint32_t gcd(uint32_t a, uint32_t b)
{
	return b ? gcd(b, a % b) : a;
}

static void weights_set(struct plan_route *r, const struct destination *destinations, size_t nr)
{
	uint32_t divisor = 0;

	for (size_t i = 0; i < nr; i++)
		divisor = gcd(divisor, destinations[i].weight);
	for (size_t i = 0; i < nr; i++) {
		r->splits[i].weight = nr > 1 ? destinations[i].weight / divisor : 1;
		r->total += r->splits[i].weight;
	}
	/* decoding refuses what is larger */
	assert(nr <= SHUNT_MAX_SPLIT && r->total <= SHUNT_MAX_WEIGHT_SUM);
}

static void schedule_set(struct planner *p, struct plan_route *r)
{
	uint32_t weights[SHUNT_MAX_SPLIT];
	uint8_t *picks;

	if (r->nr_splits < 2)
		return;
	for (size_t i = 0; i < r->nr_splits; i++)
		weights[i] = r->splits[i].weight;
	picks = arena_alloc(p->host->arena, r->total);
	schedule_fill(weights, r->nr_splits, picks);
	r->schedule = picks;
}

static void split_check(struct planner *p, const struct plan_route *r, size_t i,
			const struct object *vs, const struct vs_route *route)
{
	const struct plan_split *s = &r->splits[i];
	const char *what = *s->cluster->subset ? s->cluster->subset : s->cluster->host;
	char field[160], share[32];

	snprintf(field, sizeof(field), "%s.route", route->path);
	if (s->cluster->unknown)
		host_find(p, DIAG_WARNING, &route->destinations[i].place, vs, field,
			  "%s; its connections are refused", s->cluster->unknown);
	else if (!s->cluster->nr_endpoints && s->cluster->policy != POLICY_PASSTHROUGH)
		host_find(p, DIAG_WARNING, &route->destinations[i].place, vs, field,
			  "%s has no ready endpoint; its share of %s is refused", what,
			  share_print(s->weight, r->total, share));
}

static void port_untouch(struct planner *p, struct plan_port *out,
			 const struct policy_choice *choice)
{
	out->verdict = VERDICT_UNTOUCHED;
	out->because = arena_printf(p->host->arena, "%s %s: PASSTHROUGH", choice->rule->id,
				    choice->field);
}

static void plain_build(struct planner *p, struct plan_port *out)
{
	struct policy_choice choice;
	struct plan_route *r = &out->route;

	r->name = "default";
	r->object = "";
	r->splits = arena_alloc(p->host->arena, sizeof(r->splits[0]));
	r->nr_splits = r->total = r->splits[0].weight = 1;
	r->splits[0].cluster =
		cluster_build(p, p->host->host, "", out->port, out->port, &choice);
	if (choice.policy == POLICY_PASSTHROUGH && !r->splits[0].cluster->unknown)
		port_untouch(p, out, &choice);
}

static void http_check(struct planner *p, const struct plan_port *port, const struct object *vs,
		       const struct vs_route *route)
{
	if (port->route.nr_splits < 2)
		return;
	host_find(p, DIAG_NOTICE, &route->place, vs, route->path,
		  "port %u is split per connection: a client that keeps one connection stays on "
		  "one version; no default retries, request headers or metrics",
		  port->port);
}

void route_build(struct planner *p, struct plan_port *out, const struct object *vs)
{
	const struct later *later = NULL;
	const struct vs_route *route = NULL;
	struct plan_route *r = &out->route;
	struct policy_choice choice = {0};
	enum section section = SECTION_NONE;

	if (vs) {
		section = section_of(&vs->virtual_service, out->protocol, &later);
		route = route_find(&vs->virtual_service, section, out->port);
	}
	if (!route || !route->nr_destinations) {
		plain_build(p, out);
		return;
	}
	r->name = *route->name ? route->name : route->path;
	r->object = vs->id;
	r->nr_splits = route->nr_destinations;
	r->splits = arena_alloc(p->host->arena, r->nr_splits * sizeof(r->splits[0]));
	weights_set(r, route->destinations, r->nr_splits);
	for (size_t i = 0; i < r->nr_splits; i++) {
		const struct destination *d = &route->destinations[i];

		r->splits[i].cluster =
			cluster_build(p, d->host, d->subset, d->port, out->port, &choice);
		split_check(p, r, i, vs, route);
	}
	schedule_set(p, r);
	if (section == SECTION_HTTP)
		http_check(p, out, vs, route);
	/* what is unknown is refused, also by a route that would pass */
	if (r->nr_splits == 1 && choice.policy == POLICY_PASSTHROUGH &&
	    !r->splits[0].cluster->unknown)
		port_untouch(p, out, &choice);
}
