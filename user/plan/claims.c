// SPDX-License-Identifier: GPL-2.0
/* One address and port belongs to one host: the first in order of those that state it. */
#include <stdio.h>
#include <string.h>
#include "plan/visible.h"

static bool has_port(const struct object *o, const struct service_port *port)
{
	size_t nr;
	const struct service_port *ports = owner_ports(o, &nr);

	for (size_t i = 0; i < nr; i++)
		if (ports[i].port == port->port && protocol_transport(ports[i].protocol) ==
							   protocol_transport(port->protocol))
			return true;
	return false;
}

/* `o` owns a host other than `but`; when `but` is its own too, one that it names before that. */
static bool owns_before(const struct planner *p, const struct object *o, const char *but)
{
	char host[INDEX_KEY];

	if (o->kind == KIND_SERVICE)
		return strcmp(service_host(o, host), but) && owner_dialled(p, host) == o;
	for (size_t i = 0; i < o->service_entry.nr_hosts; i++) {
		if (o == p->owner && !strcmp(o->service_entry.hosts[i], but))
			return false;
		if (owner_dialled(p, o->service_entry.hosts[i]) == o)
			return true;
	}
	return false;
}

static bool is_before(const struct object *a, const struct object *b)
{
	int order = object_order(a, b);

	return order < 0 || (!order && a->kind <= b->kind);
}

const struct object *claimed_by(const struct planner *p, const char *key,
				const struct service_port *port)
{
	const struct object *first = NULL;
	const struct bag *bag = strmap_get(&p->index->claims, key);
	struct object *o;

	bag_each(bag, o)
		if (is_before(o, p->owner) && has_port(o, port) &&
		    owns_before(p, o, p->host->host) && (!first || is_before(o, first)))
			first = o;
	return first;
}

/* `at`: the address or subnet of the key, with the port. */
static bool is_claimed(struct planner *p, const char *key, const struct service_port *port,
		       const char *at)
{
	const struct object *o = claimed_by(p, key, port);

	if (o)
		host_find(p, DIAG_WARNING, &p->owner->place, p->owner, "",
			  "%s of %s is already taken by %s; this port is left out", at,
			  p->host->host, o == p->owner ? "another of its hosts" : o->id);
	return o;
}

bool port_is_claimed(struct planner *p, const struct service_port *port)
{
	size_t nr, nr_subnets;
	const struct inet *addresses = owner_addresses(p->owner, &nr);
	const struct subnet *subnets = owner_subnets(p->owner, &nr_subnets);
	char key[INDEX_KEY], text[INET_TEXT + 8];

	for (size_t i = 0; i < nr; i++)
		if (is_claimed(p, index_key_address(key, &addresses[i]), port,
			       inet_print_port(&addresses[i], port->port, text)))
			return true;
	for (size_t i = 0; i < nr_subnets; i++) {
		inet_print_cidr(&subnets[i].address, subnets[i].prefix, text);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ":%u", port->port);
		if (is_claimed(p, index_key_subnet(key, &subnets[i]), port, text))
			return true;
	}
	return false;
}
