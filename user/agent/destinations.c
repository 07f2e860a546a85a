// SPDX-License-Identifier: GPL-2.0
/* What `clusters` and `endpoints` show: destinations with what the kernel and the proxy counted. */
#include <stdlib.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/counts.h"
#include "agent/health.h"
#include "agent/sights.h"
#include "agent/wire.h"
#include "datapath/clock.h"

/* A cluster, or an endpoint of it, and who is sent there. */
struct row {
	const struct plan_cluster *cluster;
	const struct plan_endpoint *endpoint; /* NULL: the cluster itself */
	bool everyone;
	VEC(const char *) scopes; /* else these */
};
struct rows {
	struct strmap by_key; /* struct row * */
	struct counts counts;
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
	key = xasprintf("%s|%u|%d|%s|%s|%s|%u", c->host, c->port, c->udp, c->subset, ipv4, ipv6,
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
	counts_free(&rows->counts);
}

/* Those of the kernel's route, and of the rules where the proxy walks them. */
static void cluster_each(const struct sight *s, const struct plan_port *port, struct rows *rows,
			 void (*each)(const struct sight *s, const struct plan_cluster *c,
				      struct rows *rows))
{
	for (size_t i = 0; i < port->route.nr_splits; i++)
		each(s, port->route.splits[i].cluster, rows);
	for (size_t i = 0; i < port->nr_branches; i++)
		for (size_t j = 0; j < port->branches[i].route.nr_splits; j++)
			each(s, port->branches[i].route.splits[j].cluster, rows);
	for (size_t i = 0; plan_port_walked(port) && i < port->nr_rules; i++) {
		const struct plan_rule *r = &port->rules[i];

		for (size_t j = 0; j < r->route.nr_splits; j++)
			each(s, r->route.splits[j].cluster, rows);
		for (size_t j = 0; j < r->nr_mirrors; j++)
			each(s, r->mirrors[j].cluster, rows);
	}
}

static void cluster_row(const struct sight *s, const struct plan_cluster *c, struct rows *rows)
{
	row_add(rows, c, NULL, s->view);
}

static void endpoint_rows(const struct sight *s, const struct plan_cluster *c, struct rows *rows)
{
	for (size_t i = 0; i < c->nr_endpoints; i++)
		row_add(rows, c, &c->endpoints[i], s->view);
}

static void clusters_find(struct agent *a, const struct sight *s, const struct plan_port *port,
			  void *rows)
{
	(void)a;
	cluster_each(s, port, rows, cluster_row);
}

static void endpoints_find(struct agent *a, const struct sight *s, const struct plan_port *port,
			   void *rows)
{
	(void)a;
	cluster_each(s, port, rows, endpoint_rows);
}

static const char *const policies[] = {"least_request", "round_robin", "random", "passthrough",
				       "source_hash"};

static const char *protocol_text(const struct plan_cluster *c)
{
	return c->udp ? "udp" : "tcp";
}

/* What the proxy does with the cluster now, and what it did. */
static json_t *cluster_said(const struct plan_cluster *c, const struct counts *counts)
{
	json_t *out = requests_json(counts_to(counts, c->host, c->port, c->subset));
	static const char *const now[][2] = {
		{"proxy_connections", "connections"},
		{"pending", "pending"},
		{"requests_active", "requests"},
		{"retries_active", "retries"},
	};

	for (size_t i = 0; i < sizeof(now) / sizeof(now[0]); i++)
		json_object_set_new(out, now[i][0],
				    json_integer(counts_said(counts, c->host, c->port, c->subset,
							     now[i][1])));
	return out;
}

static void cluster_add(struct agent *a, const struct row *row, const struct counts *counts,
			json_t *list)
{
	const struct plan_cluster *c = row->cluster;
	struct cluster_reading r = {0};
	json_t *out;

	datapath_cluster_find(a->dp, c->host, c->port, cluster_protocol(c), c->subset, &r);
	out = json_pack("{s:s,s:i,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "host",
				c->host, "port", c->port, "protocol", protocol_text(c), "subset", c->subset, "policy",
				policies[c->policy], "active", (json_int_t)r.active,
				"max_connections", (json_int_t)c->max_connections, "opened",
				(json_int_t)r.opened, "connected", (json_int_t)r.connected,
				"refused_limit", (json_int_t)r.refused_limit,
				"refused_no_endpoint", (json_int_t)r.refused_no_endpoint,
				"connect_failed", (json_int_t)r.connect_failed, "endpoints",
				(json_int_t)c->nr_endpoints, "unknown", json_text(c->unknown),
				"scopes", row_scopes(row));
	json_object_update_new(out, health_json(&r));
	json_object_update_new(out, cluster_said(c, counts));
	json_array_append_new(list, out);
}

json_t *command_clusters(struct agent *a, const json_t *request)
{
	json_t *list = json_array();
	struct strmap_entry *e;
	struct rows rows = {0};

	counts_read(a, &rows.counts);
	port_each(a, request, clusters_find, &rows);
	strmap_each(&rows.by_key, e)
		cluster_add(a, e->value, &rows.counts, list);
	rows_end(&rows);
	return json_pack("{s:b,s:s,s:o}", "ok", 1, "counted", "per node", "clusters", list);
}

/* By either of its addresses: the proxy uses one. */
static struct endpoint_said endpoint_said(const struct row *row, const struct counts *counts)
{
	const struct plan_cluster *c = row->cluster;
	const struct plan_endpoint *e = row->endpoint;
	struct endpoint_said out = {0};
	char text[INET_TEXT + 8];

	if (e->has_ipv4)
		out = counts_endpoint(counts, c->host, c->port, c->subset,
				      inet_print_port(&e->ipv4, e->port, text));
	if (e->has_ipv6 && !out.active && !out.ejections)
		out = counts_endpoint(counts, c->host, c->port, c->subset,
				      inet_print_port(&e->ipv6, e->port, text));
	return out;
}

/* Left out by the proxy, or by the kernel; of both the one that lasts longer. */
static json_t *ejected_until(const struct endpoint_said *said, const struct endpoint_reading *r)
{
	double until = r->ejected_until ? clock_wall(r->ejected_until) : 0;

	if (said->ejected_until > until)
		until = said->ejected_until;
	return until ? json_real(until) : json_null();
}

static void endpoint_add(struct agent *a, const struct row *row, const struct counts *counts,
			 json_t *list)
{
	const struct plan_cluster *c = row->cluster;
	const struct plan_endpoint *e = row->endpoint;
	struct endpoint_said said = endpoint_said(row, counts);
	struct endpoint_reading r = {0};
	char ipv4[INET_TEXT], ipv6[INET_TEXT];

	datapath_endpoint_find(a->dp, c, e, &r);
	json_array_append_new(
		list,
		json_pack("{s:s,s:i,s:s,s:s,s:o,s:o,s:i,s:s,s:s,s:I,s:i,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,"
			  "s:o}", "host", c->host, "service_port", c->port, "protocol",
			  protocol_text(c), "subset", c->subset, "ipv4",
			  json_text(e->has_ipv4 ? inet_print(&e->ipv4, ipv4) : NULL),
			  "ipv6",
			  json_text(e->has_ipv6 ? inet_print(&e->ipv6, ipv6) : NULL),
			  "port", e->port, "name", e->name ? e->name : "", "version",
			  e->version ? e->version : "", "weight", (json_int_t)e->weight,
			  "priority", e->priority, "share", (json_int_t)e->share,
			  "active", (json_int_t)r.active, "opened", (json_int_t)r.opened,
			  "connect_failed", (json_int_t)r.connect_failed, "failures_in_row",
			  (json_int_t)r.failures, "requests_active", said.active, "ejections",
			  said.ejections + (json_int_t)r.ejections, "ejected_until",
			  ejected_until(&said, &r), "scopes", row_scopes(row)));
}

json_t *command_endpoints(struct agent *a, const json_t *request)
{
	json_t *list = json_array();
	struct strmap_entry *e;
	struct rows rows = {0};

	counts_read(a, &rows.counts);
	port_each(a, request, endpoints_find, &rows);
	strmap_each(&rows.by_key, e)
		endpoint_add(a, e->value, &rows.counts, list);
	rows_end(&rows);
	return json_pack("{s:b,s:o}", "ok", 1, "endpoints", list);
}
