// SPDX-License-Identifier: GPL-2.0
/* One address and port belongs to one host: the first in order of those that state it. */
#include <string.h>
#include "plan/visible.h"

static bool has_port(const struct object *o, uint16_t port)
{
	size_t nr;
	const struct service_port *ports = owner_ports(o, &nr);

	for (size_t i = 0; i < nr; i++)
		if (ports[i].port == port && ports[i].protocol != PROTOCOL_UDP)
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

static const struct object *claimed_by(const struct planner *p, const struct inet *address,
				       uint16_t port)
{
	const struct object *first = NULL;
	struct object *o;
	char key[INDEX_KEY];
	const struct bag *bag =
		strmap_get(&p->index->claims, index_key_address(key, address));

	bag_each(bag, o)
		if (is_before(o, p->owner) && has_port(o, port) &&
		    owns_before(p, o, p->host->host) && (!first || is_before(o, first)))
			first = o;
	return first;
}

bool port_is_claimed(struct planner *p, const struct service_port *port)
{
	size_t nr;
	const struct inet *addresses = owner_addresses(p->owner, &nr);
	char text[INET_TEXT + 8];

	for (size_t i = 0; i < nr; i++) {
		const struct object *o = claimed_by(p, &addresses[i], port->port);

		if (!o)
			continue;
		host_find(p, DIAG_WARNING, &p->owner->place, p->owner, "",
			  "%s of %s is already taken by %s; this port is left out",
			  inet_print_port(&addresses[i], port->port, text), p->host->host,
			  o == p->owner ? "another of its hosts" : o->id);
		return true;
	}
	return false;
}
