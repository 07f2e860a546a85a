// SPDX-License-Identifier: GPL-2.0
/* The plan for programs. Names only ever get added. */
#include <stdlib.h>
#include "plan/host.h"

json_t *json_of_place(const struct place *place)
{
	if (!place->file)
		return json_null();
	return json_sprintf("%s:%u:%u", place->file, place->line, place->column);
}

static json_t *json_of_addresses(const struct inet *at, size_t nr)
{
	json_t *list = json_array();
	char text[INET_TEXT];

	for (size_t i = 0; i < nr; i++)
		json_array_append_new(list, json_string(inet_print(&at[i], text)));
	return list;
}

static json_t *json_of_endpoint(const struct plan_endpoint *e)
{
	struct inet both[2];
	size_t nr = 0;

	if (e->has_ipv4)
		both[nr++] = e->ipv4;
	if (e->has_ipv6)
		both[nr++] = e->ipv6;
	return json_pack("{s:o, s:i, s:s, s:s, s:I}", "addresses", json_of_addresses(both, nr),
			 "port", e->port, "name", e->name, "version", e->version, "weight",
			 (json_int_t)e->weight);
}

static json_t *json_of_split(const struct plan_split *s, uint32_t total)
{
	const struct plan_cluster *c = s->cluster;
	json_t *endpoints = json_array();
	char share[32];

	for (size_t i = 0; i < c->nr_endpoints; i++)
		json_array_append_new(endpoints, json_of_endpoint(&c->endpoints[i]));
	return json_pack("{s:s, s:s, s:i, s:I, s:s, s:f, s:s, s:o, s:s?, s:o}", "host", c->host,
			 "subset", c->subset, "port", c->port, "weight", (json_int_t)s->weight,
			 "share", share_print(s->weight, total, share), "percent",
			 100.0 * s->weight / total, "policy", policy_name(c->policy),
			 "max_connections",
			 c->max_connections ? json_integer(c->max_connections) : json_null(),
			 "unknown", c->unknown, "endpoints", endpoints);
}

json_t *json_of_route(const struct plan_route *r)
{
	json_t *destinations;

	if (!r->nr_splits)
		return json_null();
	destinations = json_array();
	for (size_t i = 0; i < r->nr_splits; i++)
		json_array_append_new(destinations, json_of_split(&r->splits[i], r->total));
	return json_pack("{s:s, s:s, s:I, s:o}", "name", r->name, "object", r->object, "total",
			 (json_int_t)r->total, "destinations", destinations);
}

json_t *json_of_port(const struct plan_port *port)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:b, s:o}", "port", port->port, "name",
			 port->name, "protocol", protocol_name(port->protocol), "verdict",
			 verdict_name(port->verdict), "because", port->because, "host_only",
			 port->host_only, "route", json_of_route(&port->route));
}

static json_t *json_of_findings(const struct diags *findings)
{
	static const char *const levels[] = {
		[DIAG_ERROR] = "error", [DIAG_WARNING] = "warning", [DIAG_NOTICE] = "notice"};
	json_t *list = json_array();

	for (size_t i = 0; i < findings->list.nr; i++) {
		const struct diag *d = &findings->list.at[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:s?, s:s, s:o}", "level", levels[d->level],
						"path", d->path, "text", d->text, "place",
						json_of_place(&d->place)));
	}
	return list;
}

static json_t *json_of_laters(const struct plan_host *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->nr_laters; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "object", h->later_ids[i],
						      "field", h->laters[i]->path, "place",
						      json_of_place(&h->laters[i]->place)));
	return list;
}

static json_t *json_of_host(const struct plan_host *h)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < h->nr_ports; i++)
		json_array_append_new(ports, json_of_port(&h->ports[i]));
	return json_pack("{s:s, s:s, s:o, s:b, s:o, s:o, s:o}", "host", h->host, "object", h->id,
			 "addresses", json_of_addresses(h->addresses, h->nr_addresses), "allocated",
			 h->allocated, "ports", ports, "not_in_force", json_of_laters(h),
			 "findings", json_of_findings(&h->findings));
}

json_t *plan_json(const struct plan *p, const char *namespace)
{
	size_t nr;
	struct plan_host **hosts = plan_sorted(p, &nr);
	json_t *list = json_array();

	for (size_t i = 0; i < nr; i++)
		if (id_in_namespace(hosts[i]->id, namespace))
			json_array_append_new(list, json_of_host(hosts[i]));
	free(hosts);
	return json_pack("{s:I, s:o, s:o}", "plan", (json_int_t)p->number, "hosts", list,
			 "findings", json_of_findings(&p->findings));
}
