// SPDX-License-Identifier: GPL-2.0
/* The plan beside what the kernel measured: services, clusters, endpoints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/wire.h"

/* Whether the Service or ServiceEntry of a host lies in the namespace that was asked for. */
static bool in_namespace(const char *id, const json_t *request)
{
	const char *wanted = request_text(request, "namespace"), *at = strchr(id, '/');
	size_t length;

	if (!wanted)
		return true;
	length = at ? strcspn(++at, "/") : 0;
	return strlen(wanted) == length && !strncmp(wanted, at, length);
}

/* One way to see a host: everyone's, or that of some callers. */
struct sight {
	const struct plan_host *host;
	const struct plan_view *view; /* NULL: everyone's */
	const char *id;
	const struct inet *addresses;
	size_t nr_addresses;
	const struct plan_port *ports;
	size_t nr_ports;
};

static struct sight sight_of(const struct plan_host *h, const struct plan_view *v)
{
	if (v)
		return (struct sight){h, v, v->id, v->addresses, v->nr_addresses, v->ports,
				      v->visible ? v->nr_ports : 0};
	return (struct sight){h, NULL, h->id, h->addresses, h->nr_addresses, h->ports,
			      h->visible ? h->nr_ports : 0};
}

/* Each port of the plan as each kind of callers sees it, in host order, everyone's first. */
static void port_each(struct agent *a, const json_t *request,
		      void (*each)(struct agent *a, const struct sight *s,
				   const struct plan_port *port, void *arg),
		      void *arg)
{
	struct plan_host **hosts;
	size_t nr;

	hosts = plan_sorted(a->plan, &nr);
	for (size_t i = 0; i < nr; i++) {
		for (size_t v = 0; v <= hosts[i]->nr_views; v++) {
			struct sight s = sight_of(hosts[i], v ? &hosts[i]->views[v - 1] : NULL);

			for (size_t p = 0; in_namespace(s.id, request) && p < s.nr_ports; p++)
				each(a, &s, &s.ports[p], arg);
		}
	}
	free(hosts);
}

static const char *const verdicts[] = {"kernel", "proxy", "untouched"};

static json_t *split_json(struct agent *a, const struct plan_route *route,
			  const struct plan_split *split)
{
	const struct plan_cluster *cluster = split->cluster;
	struct cluster_reading r = {0};

	datapath_cluster_find(a->dp, cluster->host, cluster->port, cluster->subset, &r);
	return json_pack("{s:s,s:i,s:s,s:i,s:f,s:I,s:o}", "host", cluster->host, "port",
			 cluster->port, "subset", cluster->subset, "weight", (int)split->weight,
			 "share", route->total ? (double)split->weight / route->total : 1.0,
			 "opened", (json_int_t)r.opened, "unknown", json_text(cluster->unknown));
}

/* Keys of the callers, ", " between them; "": everyone who has no view of its own. */
static json_t *scopes_json(const char *const *scopes, size_t nr)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	json_t *json;

	for (size_t i = 0; i < nr; i++)
		fprintf(out, "%s%s", i ? ", " : "", scopes[i]);
	fclose(out);
	json = json_text(text);
	free(text);
	return json;
}

static void service_add(struct agent *a, const struct sight *s, const struct plan_port *port,
			void *list)
{
	json_t *splits = json_array(), *addresses = json_array();
	char text[INET_TEXT];

	for (size_t i = 0; i < s->nr_addresses; i++)
		json_array_append_new(addresses, json_string(inet_print(&s->addresses[i], text)));
	for (size_t i = 0; i < port->route.nr_splits; i++)
		json_array_append_new(splits, split_json(a, &port->route, &port->route.splits[i]));
	json_array_append_new(
		list, json_pack("{s:s,s:o,s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o}", "host",
				s->host->host, "addresses", addresses, "port", port->port,
				"protocol", protocol_name(port->protocol), "verdict",
				verdicts[port->verdict], "because", port->because, "route",
				port->route.name, "object", port->route.object, "id", s->id,
				"scopes",
				scopes_json(s->view ? s->view->scopes : NULL,
					    s->view ? s->view->nr_scopes : 0),
				"splits", splits));
}

json_t *command_services(struct agent *a, const json_t *request)
{
	json_t *list = json_array();

	port_each(a, request, service_add, list);
	return json_pack("{s:b,s:o}", "ok", 1, "services", list);
}

/* A cluster, or an endpoint of it, and who is sent there. */
struct row {
	const struct plan_cluster *cluster;
	const struct plan_endpoint *endpoint; /* NULL: the cluster itself */
	bool everyone;
	VEC(const char *) scopes; /* else these */
};
struct rows {
	struct strmap by_key; /* struct row * */
};

static bool row_has(const struct row *r, const char *scope)
{
	for (size_t i = 0; i < r->scopes.nr; i++)
		if (!strcmp(r->scopes.at[i], scope))
			return true;
	return false;
}

static void row_add(struct rows *rows, const struct plan_cluster *c, const struct plan_endpoint *e,
		    const struct plan_view *view)
{
	char ipv4[INET_TEXT] = "", ipv6[INET_TEXT] = "";
	struct row *r;
	char *key;

	if (e && e->has_ipv4)
		inet_print(&e->ipv4, ipv4);
	if (e && e->has_ipv6)
		inet_print(&e->ipv6, ipv6);
	key = xasprintf("%s|%u|%s|%s|%s|%u", c->host, c->port, c->subset, ipv4, ipv6,
			e ? e->port : 0);
	r = strmap_get(&rows->by_key, key);
	if (!r) {
		r = xcalloc(1, sizeof(*r));
		r->cluster = c;
		r->endpoint = e;
		strmap_put(&rows->by_key, key, r);
	}
	free(key);
	r->everyone |= !view;
	for (size_t i = 0; view && i < view->nr_scopes; i++)
		if (!row_has(r, view->scopes[i]))
			vec_push(&r->scopes, view->scopes[i]);
}

static json_t *row_scopes(const struct row *r)
{
	return scopes_json(r->scopes.at, r->everyone ? 0 : r->scopes.nr);
}

static void rows_end(struct rows *rows)
{
	struct strmap_entry *e;

	strmap_each(&rows->by_key, e) {
		struct row *r = e->value;

		vec_free(&r->scopes);
		free(r);
	}
	strmap_free(&rows->by_key);
}

static void clusters_find(struct agent *a, const struct sight *s, const struct plan_port *port,
			  void *rows)
{
	(void)a;
	for (size_t i = 0; i < port->route.nr_splits; i++)
		row_add(rows, port->route.splits[i].cluster, NULL, s->view);
}

static void endpoints_find(struct agent *a, const struct sight *s, const struct plan_port *port,
			   void *rows)
{
	(void)a;
	for (size_t i = 0; i < port->route.nr_splits; i++) {
		const struct plan_cluster *c = port->route.splits[i].cluster;

		for (size_t j = 0; j < c->nr_endpoints; j++)
			row_add(rows, c, &c->endpoints[j], s->view);
	}
}

static const char *const policies[] = {"least_request", "round_robin", "random", "passthrough"};

static void cluster_add(struct agent *a, const struct row *row, json_t *list)
{
	const struct plan_cluster *c = row->cluster;
	struct cluster_reading r = {0};

	datapath_cluster_find(a->dp, c->host, c->port, c->subset, &r);
	json_array_append_new(
		list, json_pack("{s:s,s:i,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "host",
				c->host, "port", c->port, "subset", c->subset, "policy",
				policies[c->policy], "active", (json_int_t)r.active,
				"max_connections", (json_int_t)c->max_connections, "opened",
				(json_int_t)r.opened, "connected", (json_int_t)r.connected,
				"refused_limit", (json_int_t)r.refused_limit,
				"refused_no_endpoint", (json_int_t)r.refused_no_endpoint,
				"connect_failed", (json_int_t)r.connect_failed, "endpoints",
				(json_int_t)c->nr_endpoints, "unknown", json_text(c->unknown),
				"scopes", row_scopes(row)));
}

json_t *command_clusters(struct agent *a, const json_t *request)
{
	json_t *list = json_array();
	struct strmap_entry *e;
	struct rows rows = {0};

	port_each(a, request, clusters_find, &rows);
	strmap_each(&rows.by_key, e)
		cluster_add(a, e->value, list);
	rows_end(&rows);
	return json_pack("{s:b,s:s,s:o}", "ok", 1, "counted", "per node", "clusters", list);
}

static void endpoint_add(struct agent *a, const struct row *row, json_t *list)
{
	const struct plan_cluster *c = row->cluster;
	const struct plan_endpoint *e = row->endpoint;
	struct endpoint_reading r = {0};
	char ipv4[INET_TEXT], ipv6[INET_TEXT];

	datapath_endpoint_find(a->dp, c, e, &r);
	json_array_append_new(
		list,
		json_pack("{s:s,s:i,s:s,s:o,s:o,s:i,s:s,s:s,s:I,s:I,s:I,s:I,s:o}", "host",
			  c->host, "service_port", c->port, "subset", c->subset, "ipv4",
			  json_text(e->has_ipv4 ? inet_print(&e->ipv4, ipv4) : NULL),
			  "ipv6",
			  json_text(e->has_ipv6 ? inet_print(&e->ipv6, ipv6) : NULL),
			  "port", e->port, "name", e->name ? e->name : "", "version",
			  e->version ? e->version : "", "weight", (json_int_t)e->weight,
			  "active", (json_int_t)r.active, "opened", (json_int_t)r.opened,
			  "connect_failed", (json_int_t)r.connect_failed, "scopes",
			  row_scopes(row)));
}

json_t *command_endpoints(struct agent *a, const json_t *request)
{
	json_t *list = json_array();
	struct strmap_entry *e;
	struct rows rows = {0};

	port_each(a, request, endpoints_find, &rows);
	strmap_each(&rows.by_key, e)
		endpoint_add(a, e->value, list);
	rows_end(&rows);
	return json_pack("{s:b,s:o}", "ok", 1, "endpoints", list);
}
