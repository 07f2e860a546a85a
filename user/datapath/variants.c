/* SPDX-License-Identifier: GPL-2.0 */
/* What one port of a host is to whom: steered, refused, or left as dialled. */
#include <string.h>
#include "datapath/variants.h"

static const struct plan_port *port_find(const struct plan_port *ports, size_t nr,
					 struct port_id id)
{
	const struct plan_port *untouched = NULL;

	for (size_t i = 0; i < nr; i++) {
		struct port_id at = port_id_of(&ports[i]);

		if (at.number != id.number || at.protocol != id.protocol)
			continue;
		if (ports[i].verdict != VERDICT_UNTOUCHED)
			return &ports[i]; /* the first of several with one number counts */
		untouched = untouched ? untouched : &ports[i];
	}
	return untouched;
}

static enum route_kind kind_of(const struct plan_port *port)
{
	if (!port)
		return ROUTE_UNKNOWN;
	if (port->verdict == VERDICT_UNTOUCHED)
		return ROUTE_UNTOUCHED;
	if (port->verdict == VERDICT_PROXY &&
	    (port->on_failure == FAILURE_REFUSE || !port->route.nr_splits))
		return ROUTE_REFUSE;
	return port->route.nr_splits ? ROUTE_STEER : ROUTE_UNTOUCHED;
}

/* ---- where they are there ---- */

static void range_add(struct variants *v, const struct range *range)
{
	for (size_t i = 0; i < v->ranges.nr; i++)
		if (range_equal(&v->ranges.at[i], range))
			return;
	vec_push(&v->ranges, *range);
}

/* A branch has a place of its own in each subnet of the service that has more than it. */
static void ranges_add_branch(struct variants *v, const struct variant *main,
			      const struct range *within)
{
	for (size_t i = 0; i < main->nr_subnets; i++) {
		struct range subnet = range_of_subnet(&main->subnets[i]);

		if (range_has(&subnet, within))
			range_add(v, within);
	}
}

static void ranges_add(struct variants *v, const struct variant *main)
{
	for (size_t i = 0; i < main->nr_addresses; i++) {
		struct range address = range_of_address(&main->addresses[i]);

		range_add(v, &address);
	}
	for (size_t i = 0; i < main->nr_subnets; i++) {
		struct range subnet = range_of_subnet(&main->subnets[i]);

		range_add(v, &subnet);
	}
	for (size_t i = 1; i <= main->nr_branches; i++)
		ranges_add_branch(v, main, &main[i].within);
}

static bool is_in(const struct variants *all, const struct range *range)
{
	for (size_t i = 0; i < all->outside.nr; i++)
		if (range_equal(&all->outside.at[i], range))
			return true;
	return false;
}

static bool is_at(const struct variants *all, const struct variant *v, const struct range *range)
{
	if (v->outside && is_in(all, range))
		return true;
	if (range->node_port)
		return false;
	for (size_t i = 0; !range->host_bits && i < v->nr_addresses; i++)
		if (inet_equal(&v->addresses[i], &range->address))
			return true;
	for (size_t i = 0; i < v->nr_subnets; i++) {
		struct range subnet = range_of_subnet(&v->subnets[i]);

		if (range_has(&subnet, range))
			return true;
	}
	return false;
}

size_t variant_at(const struct variants *v, size_t i, const struct range *range)
{
	const struct variant *main = &v->list.at[i];
	size_t found = 0;

	if (!is_at(v, main, range))
		return VARIANT_NONE;
	for (size_t b = 1; b <= main->nr_branches; b++)
		if (range_has(&main[b].within, range) &&
		    (!found || main[b].within.host_bits < main[found].within.host_bits))
			found = b;
	return i + found;
}

/* ---- what they are ---- */

/* Where a host is there for some callers. */
struct whereabouts {
	const struct inet *addresses;
	size_t nr_addresses;
	const struct subnet *subnets;
	size_t nr_subnets;
};

static void branches_add(struct variants *v, size_t main)
{
	const struct plan_port *port = v->list.at[main].port;

	for (size_t i = 0; i < port->nr_branches; i++) {
		const struct plan_branch *b = &port->branches[i];
		struct variant one = {
			.kind = b->route.nr_splits ? ROUTE_STEER : ROUTE_UNTOUCHED,
			.port = port,
			.route = b->route.nr_splits ? &b->route : NULL,
			.within = range_of_subnet(&b->subnet),
		};

		vec_push(&v->list, one);
	}
	v->list.at[main].nr_branches = port->nr_branches;
}

/* Its index; the list may have moved. */
static size_t variant_add(struct variants *v, enum route_kind kind, const struct plan_port *port,
			  const struct whereabouts *at)
{
	size_t i = v->list.nr;
	struct variant one = {
		.kind = kind,
		.proxied = kind != ROUTE_UNTOUCHED && port && plan_port_proxied(port),
		.port = port,
		.route = kind == ROUTE_STEER ? &port->route : NULL,
		.addresses = at->addresses,
		.nr_addresses = at->nr_addresses,
		.subnets = at->subnets,
		.nr_subnets = at->nr_subnets,
	};

	vec_push(&v->list, one);
	if (kind == ROUTE_STEER && !one.proxied)
		branches_add(v, i);
	ranges_add(v, &v->list.at[i]);
	return i;
}

static void add_view(struct datapath *dp, const struct plan_view *view, struct port_id id,
		     struct variants *out)
{
	const struct plan_port *port =
		view->visible ? port_find(view->ports, view->nr_ports, id) : NULL;
	/* Loopback endpoints are the host's, and no view is for callers on the host. */
	bool host_only = port && port->host_only && kind_of(port) == ROUTE_STEER;
	const struct whereabouts at = {view->addresses, view->nr_addresses, view->subnets,
				       view->nr_subnets};
	size_t v = variant_add(out, host_only ? ROUTE_UNTOUCHED : kind_of(port), port, &at);

	for (size_t i = 0; i < view->nr_scopes; i++) {
		const struct scope_ref *s = scope_ref_find(dp, view->scopes[i]);
		struct reader r = {0};

		if (!s)
			continue;
		r.scope = s->number;
		r.closed = s->next & CALLER_CLOSED;
		r.refuses = s->next & CALLER_REFUSE_UNKNOWN;
		vec_push(&out->list.at[v].readers, r);
	}
}

/* At node ports and addresses for outside it is there for all who see it, and for callers who
 * come from there; for these alone it may be another route. */
static void add_outside(struct datapath *dp, const struct plan_host *host,
			const struct plan_port *port, struct variants *out)
{
	static const struct reader caller = {.scope = SCOPE_OUTSIDE, .closed = true};
	static const struct whereabouts nowhere;
	enum route_kind kind = port && !port->host_only ? kind_of(port) : ROUTE_UNKNOWN;
	struct variant *it;
	size_t v;

	if (kind != ROUTE_STEER && kind != ROUTE_REFUSE)
		return;
	front_places(dp, host, port, out);
	if (!out->outside.nr)
		return;
	v = variant_add(out, kind, port, &nowhere);
	if (kind == ROUTE_STEER)
		out->list.at[v].route = front_route(dp, host, port);
	vec_push(&out->list.at[v].readers, caller);
	vec_each(&out->list, it)
		it->outside = it->kind == ROUTE_STEER || it->kind == ROUTE_REFUSE;
	for (size_t i = 0; i < out->outside.nr; i++)
		range_add(out, &out->outside.at[i]);
}

void variants_of(struct datapath *dp, const struct plan_host *host, struct port_id id,
		 struct variants *out)
{
	static const struct reader on_host = {.scope = SCOPE_HOST};
	const struct plan_port *port =
		host->visible ? port_find(host->ports, host->nr_ports, id) : NULL;
	bool host_only = port && port->host_only && kind_of(port) == ROUTE_STEER;
	const struct whereabouts at = {host->addresses, host->nr_addresses, host->subnets,
				       host->nr_subnets};
	size_t v;

	memset(out, 0, sizeof(*out));
	variant_add(out, host_only ? ROUTE_UNTOUCHED : kind_of(port), port, &at);
	if (host_only) {
		v = variant_add(out, ROUTE_STEER, port, &at);
		vec_push(&out->list.at[v].readers, on_host);
	}
	for (size_t i = 0; i < host->nr_views; i++)
		add_view(dp, &host->views[i], id, out);
	add_outside(dp, host, port, out);
}

void variants_free(struct variants *v)
{
	struct variant *it;

	vec_each(&v->list, it)
		vec_free(&it->readers);
	vec_free(&v->list);
	vec_free(&v->ranges);
	vec_free(&v->outside);
}

static void id_add(struct port_id *ids, size_t *nr, const struct plan_port *ports, size_t nr_ports)
{
	for (size_t i = 0; i < nr_ports; i++) {
		struct port_id id = port_id_of(&ports[i]);
		size_t at = 0;

		while (at < *nr && (ids[at].number != id.number || ids[at].protocol != id.protocol))
			at++;
		if (at == *nr)
			ids[(*nr)++] = id;
	}
}

struct port_id *port_ids(const struct plan_host *host, size_t *nr)
{
	size_t most = host->nr_ports;
	struct port_id *ids;

	for (size_t i = 0; i < host->nr_views; i++)
		most += host->views[i].nr_ports;
	ids = xcalloc(most + 1, sizeof(*ids));
	*nr = 0;
	id_add(ids, nr, host->ports, host->nr_ports);
	for (size_t i = 0; i < host->nr_views; i++)
		id_add(ids, nr, host->views[i].ports, host->views[i].nr_ports);
	return ids;
}
