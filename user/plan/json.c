// SPDX-License-Identifier: GPL-2.0
/* The plan for programs. Names only ever get added. */
#include <stdlib.h>
#include <string.h>
#include "plan/gateway.h"
#include "plan/host.h"
#include "plan/text.h"

json_t *json_of_texts(const char *const *at, size_t nr)
{
	json_t *list = json_array();

	for (size_t i = 0; i < nr; i++)
		json_array_append_new(list, json_string(at[i]));
	return list;
}

void json_put_time(json_t *to, const char *key, int64_t ns)
{
	char time[32];

	if (ns)
		json_object_set_new(to, key, json_string(duration_print(ns, time)));
}

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
	return json_pack("{s:o, s:i, s:s, s:s, s:I, s:s, s:s, s:i, s:I, s:b}", "addresses",
			 json_of_addresses(both, nr), "port", e->port, "name", e->name, "version",
			 e->version, "weight", (json_int_t)e->weight, "locality", e->locality,
			 "dns_name", e->dns_name, "priority", e->priority, "share",
			 (json_int_t)e->share, "on_node", e->on_node);
}

static json_t *json_of_number(uint32_t n) /* null for 0 */
{
	return n ? json_integer(n) : json_null();
}

static json_t *json_of_split(const struct plan_split *s, uint32_t total)
{
	const struct plan_cluster *c = s->cluster;
	json_t *endpoints = json_array(), *out;
	char share[32];

	for (size_t i = 0; i < c->nr_endpoints; i++)
		json_array_append_new(endpoints, json_of_endpoint(&c->endpoints[i]));
	out = json_pack("{s:s, s:s, s:i, s:I, s:s, s:f, s:s, s:o, s:o, s:o, s:s?, s:o, s:o}",
			"host", c->host,
			"subset", c->subset, "port", c->port, "weight", (json_int_t)s->weight,
			"share", share_print(s->weight, total, share), "percent",
			100.0 * s->weight / total, "policy", policy_name(c->policy),
			"table_size", json_of_number(c->table_size), "affinity_seconds",
			json_of_number(c->affinity), "max_connections",
			json_of_number(c->max_connections), "unknown", c->unknown, "endpoints", endpoints, "settings",
			json_of_policy(&c->full));
	if (s->headers)
		json_object_set_new(out, "headers", json_of_headers(s->headers));
	return out;
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

static json_t *json_of_snis(const struct plan_port *port)
{
	json_t *list = json_array();

	for (size_t i = 0; i < port->nr_snis; i++)
		json_array_append_new(list, json_of_sni(&port->snis[i]));
	return list;
}

json_t *json_of_sni(const struct plan_sni *s)
{
	json_t *hosts = json_array();

	for (size_t i = 0; i < s->nr_hosts; i++)
		json_array_append_new(hosts, json_string(s->hosts[i]));
	return json_pack("{s:o, s:o, s:o}", "sni_hosts", hosts, "from", json_of_source(&s->from),
			 "route", json_of_route(&s->route));
}

static json_t *json_of_passes(const struct plan_port *port)
{
	json_t *list = json_array();
	char text[INET_TEXT + 8];

	for (size_t i = 0; i < port->nr_passes; i++)
		json_array_append_new(list,
				      json_string(inet_print_port(&port->passes[i].address,
								  port->passes[i].port, text)));
	return list;
}

static json_t *json_of_subnets(const struct subnet *at, size_t nr)
{
	json_t *list = json_array();
	char text[INET_TEXT];

	for (size_t i = 0; i < nr; i++)
		json_array_append_new(
			list, json_string(inet_print_cidr(&at[i].address, at[i].prefix, text)));
	return list;
}

static json_t *json_of_branches(const struct plan_port *port)
{
	json_t *list = json_array();
	char text[INET_TEXT];

	for (size_t i = 0; i < port->nr_branches; i++) {
		const struct plan_branch *b = &port->branches[i];

		inet_print_cidr(&b->subnet.address, b->subnet.prefix, text);
		json_array_append_new(list, json_pack("{s:s, s:o}", "subnet", text, "route",
						      json_of_route(&b->route)));
	}
	return list;
}

static json_t *json_of_guard(const struct plan_guard *guard)
{
	if (!guard->percent)
		return json_null();
	return json_pack("{s:i, s:i, s:o}", "percent", guard->percent, "window", guard->window,
			 "from", json_of_source(&guard->from));
}

/* What becomes of its connections besides being routed. */
static void put_wishes(json_t *to, const struct plan_port *port)
{
	char drain[32];

	json_object_set_new(to, "node_port", json_of_number(port->node_port));
	json_object_set_new(to, "outside_route",
			    port->outside_route ? json_of_route(port->outside_route) : json_null());
	json_object_set_new(to, "branches", json_of_branches(port));
	json_object_set_new(to, "splice", json_boolean(port->splice));
	json_object_set_new(to, "drain", json_string(drain_print(&port->drain, drain)));
	json_object_set_new(to, "guard", json_of_guard(&port->guard));
}

json_t *json_of_port(const struct plan_port *port)
{
	json_t *rules = json_array(), *out;

	for (size_t i = 0; i < port->nr_rules; i++)
		json_array_append_new(rules, json_of_rule(&port->rules[i]));
	out = json_pack("{s:i, s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:o}", "port", port->port, "name",
			port->name, "protocol", protocol_name(port->protocol), "verdict",
			verdict_name(port->verdict), "because", port->because, "host_only",
			port->host_only, "route", json_of_route(&port->route), "rules", rules, "tls",
			json_of_snis(port));
	put_wishes(out, port);
	if (port->verdict == VERDICT_UNTOUCHED)
		json_object_set_new(out, "passes", json_of_passes(port));
	if (port->verdict != VERDICT_PROXY)
		return out;
	json_object_set_new(out, "on_proxy_failure",
			    json_string(port->on_failure == FAILURE_REFUSE ? "refuse" : "bypass"));
	json_object_set_new(out, "refuse_because", json_string(port->refuse_because));
	json_object_set_new(out, "because_from", json_of_source(&port->because_from));
	if (*plan_bytes_object(port))
		json_object_set_new(out, "bytes", json_of_route(&port->bytes));
	return out;
}

json_t *json_of_findings(const struct diags *findings)
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

static json_t *json_of_ports(const struct plan_port *at, size_t nr)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < nr; i++)
		json_array_append_new(ports, json_of_port(&at[i]));
	return ports;
}

static json_t *json_of_views(const struct plan_host *h)
{
	json_t *views = json_array();

	for (size_t i = 0; i < h->nr_views; i++) {
		const struct plan_view *v = &h->views[i];

		json_array_append_new(
			views,
			json_pack("{s:o, s:b, s:s?, s:o, s:o, s:o}", "scopes",
				  json_of_texts(v->scopes, v->nr_scopes), "visible", v->visible,
				  "object", v->id, "addresses",
				  json_of_addresses(v->addresses, v->nr_addresses), "subnets",
				  json_of_subnets(v->subnets, v->nr_subnets), "ports",
				  json_of_ports(v->ports, v->nr_ports)));
	}
	return views;
}

static json_t *json_of_host(const struct plan_host *h, const struct plan_filter *filter)
{
	const struct plan_view *own = filter->from ? view_find(h, filter->scope) : NULL;
	const struct plan_port *ports = h->ports;
	size_t nr = h->nr_ports;

	if (filter->from)
		plan_view_of(h, filter->scope, &ports, &nr);
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:b, s:b, s:o, s:b, s:o, s:o, s:o, s:o}", "host",
			 h->host,
			 "object", own ? own->id : h->id, "addresses",
			 json_of_addresses(own ? own->addresses : h->addresses,
					   own ? own->nr_addresses : h->nr_addresses),
			 "subnets",
			 json_of_subnets(own ? own->subnets : h->subnets,
					 own ? own->nr_subnets : h->nr_subnets),
			 "outside", json_of_addresses(h->outside, h->nr_outside), "outside_local",
			 h->outside_local, "allocated", h->allocated, "ports", json_of_ports(ports, nr), "visible", h->visible,
			 "views", filter->from ? json_array() : json_of_views(h), "domains",
			 json_of_texts(h->domains, h->nr_domains), "not_in_force",
			 json_of_laters(h), "findings", json_of_findings(&h->findings));
}

static int scope_order(const void *a, const void *b)
{
	return strcmp((*(struct plan_scope *const *)a)->key, (*(struct plan_scope *const *)b)->key);
}

static json_t *json_of_scopes(const struct plan *p)
{
	struct plan_scope **scopes = xcalloc(p->scopes.nr + 1, sizeof(struct plan_scope *));
	json_t *list = json_array();
	struct strmap_entry *e;
	size_t nr = 0;

	strmap_each(&p->scopes, e)
		scopes[nr++] = e->value;
	qsort(scopes, nr, sizeof(struct plan_scope *), scope_order);
	for (size_t i = 0; i < nr; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:I, s:s, s:b, s:b}", "scope", scopes[i]->key,
					"namespace", scopes[i]->namespace, "pods",
					(json_int_t)scopes[i]->nr_pods, "sidecar",
					scopes[i]->sidecar ? scopes[i]->sidecar->id : "", "closed",
					scopes[i]->closed, "registry_only",
					scopes[i]->registry_only));
	free(scopes);
	return list;
}

json_t *plan_json(const struct plan *p, const struct plan_filter *filter)
{
	size_t nr;
	struct plan_host **hosts = plan_sorted(p, &nr);
	json_t *list = json_array();

	for (size_t i = 0; i < nr; i++)
		if (filter_takes(filter, hosts[i]))
			json_array_append_new(list, json_of_host(hosts[i], filter));
	free(hosts);
	return json_pack("{s:I, s:o, s:o, s:o, s:o}", "plan", (json_int_t)p->number, "hosts", list,
			 "scopes", json_of_scopes(p), "gateways",
			 gateways_json(p->gateways, filter->namespace), "findings",
			 json_of_findings(&p->findings));
}
