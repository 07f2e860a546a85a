/* SPDX-License-Identifier: GPL-2.0 */
/* What one port of a host is to whom: steered, refused, or left as dialled. */
#include <string.h>
#include "datapath/variants.h"

static const struct plan_port *port_find(const struct plan_port *ports, size_t nr, uint16_t number)
{
	const struct plan_port *untouched = NULL;

	for (size_t i = 0; i < nr; i++) {
		if (ports[i].port != number)
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

static struct variant *variant_add(struct variants *v, enum route_kind kind,
				   const struct plan_port *port, const struct inet *addresses,
				   size_t nr)
{
	struct variant one = {
		.kind = kind,
		.proxied = kind != ROUTE_UNTOUCHED && port && plan_port_proxied(port),
		.route = kind == ROUTE_STEER ? &port->route : NULL,
		.addresses = addresses,
		.nr_addresses = nr,
	};

	vec_push(&v->list, one);
	return &v->list.at[v->list.nr - 1];
}

static void add_view(struct datapath *dp, const struct plan_view *view, uint16_t number,
		     struct variants *out)
{
	const struct plan_port *port =
		view->visible ? port_find(view->ports, view->nr_ports, number) : NULL;
	/* Loopback endpoints are the host's, and no view is for callers on the host. */
	bool host_only = port && port->host_only && kind_of(port) == ROUTE_STEER;
	struct variant *v = variant_add(out, host_only ? ROUTE_UNTOUCHED : kind_of(port), port,
					view->addresses, view->nr_addresses);

	for (size_t i = 0; i < view->nr_scopes; i++) {
		const struct scope_ref *s = scope_ref_find(dp, view->scopes[i]);
		struct reader r = {0};

		if (!s)
			continue;
		r.scope = s->number;
		r.closed = s->next & CALLER_CLOSED;
		r.refuses = s->next & CALLER_REFUSE_UNKNOWN;
		vec_push(&v->readers, r);
	}
}

void variants_of(struct datapath *dp, const struct plan_host *host, uint16_t number,
		 struct variants *out)
{
	static const struct reader on_host = {.scope = SCOPE_HOST};
	const struct plan_port *port =
		host->visible ? port_find(host->ports, host->nr_ports, number) : NULL;
	bool host_only = port && port->host_only && kind_of(port) == ROUTE_STEER;
	struct variant *v;

	memset(out, 0, sizeof(*out));
	variant_add(out, host_only ? ROUTE_UNTOUCHED : kind_of(port), port, host->addresses,
		    host->nr_addresses);
	if (host_only) {
		v = variant_add(out, ROUTE_STEER, port, host->addresses, host->nr_addresses);
		vec_push(&v->readers, on_host);
	}
	for (size_t i = 0; i < host->nr_views; i++)
		add_view(dp, &host->views[i], number, out);
}

bool variant_is_at(const struct variant *v, const struct inet *address)
{
	for (size_t i = 0; i < v->nr_addresses; i++)
		if (inet_equal(&v->addresses[i], address))
			return true;
	return false;
}

void variants_free(struct variants *v)
{
	struct variant *it;

	vec_each(&v->list, it)
		vec_free(&it->readers);
	vec_free(&v->list);
}

static void number_add(uint16_t *numbers, size_t *nr, const struct plan_port *ports,
		       size_t nr_ports)
{
	for (size_t i = 0; i < nr_ports; i++) {
		size_t at = 0;

		while (at < *nr && numbers[at] != ports[i].port)
			at++;
		if (at == *nr)
			numbers[(*nr)++] = ports[i].port;
	}
}

uint16_t *port_numbers(const struct plan_host *host, size_t *nr)
{
	size_t most = host->nr_ports;
	uint16_t *numbers;

	for (size_t i = 0; i < host->nr_views; i++)
		most += host->views[i].nr_ports;
	numbers = xcalloc(most + 1, sizeof(*numbers));
	*nr = 0;
	number_add(numbers, nr, host->ports, host->nr_ports);
	for (size_t i = 0; i < host->nr_views; i++)
		number_add(numbers, nr, host->views[i].ports, host->views[i].nr_ports);
	return numbers;
}
