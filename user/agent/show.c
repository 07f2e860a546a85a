// SPDX-License-Identifier: GPL-2.0
/* The plan beside what the kernel measured: services, clusters, endpoints. */
#include <string.h>
#include "agent/agent.h"
#include "agent/wire.h"

/* Whether the Service or ServiceEntry of a host lies in the namespace that was asked for. */
static bool in_namespace(const struct plan_host *host, const json_t *request)
{
	const char *wanted = request_text(request, "namespace"), *at = strchr(host->id, '/');
	size_t length;

	if (!wanted)
		return true;
	length = at ? strcspn(++at, "/") : 0;
	return strlen(wanted) == length && !strncmp(wanted, at, length);
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

static json_t *port_json(struct agent *a, const struct plan_host *host,
			 const struct plan_port *port)
{
	json_t *splits = json_array(), *addresses = json_array();
	char text[INET_TEXT];

	for (size_t i = 0; i < host->nr_addresses; i++)
		json_array_append_new(addresses,
				      json_string(inet_print(&host->addresses[i], text)));
	for (size_t i = 0; i < port->route.nr_splits; i++)
		json_array_append_new(splits, split_json(a, &port->route, &port->route.splits[i]));
	return json_pack("{s:s,s:o,s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:o}", "host", host->host,
			 "addresses", addresses, "port", port->port, "protocol",
			 protocol_name(port->protocol), "verdict", verdicts[port->verdict],
			 "because", port->because ? port->because : "", "route",
			 port->route.name ? port->route.name : "", "object",
			 port->route.object ? port->route.object : "", "id", host->id, "splits",
			 splits);
}

json_t *command_services(struct agent *a, const json_t *request)
{
	json_t *list = json_array();
	struct plan_host **hosts;
	size_t nr;

	hosts = plan_sorted(a->plan, &nr);
	for (size_t i = 0; i < nr; i++) {
		for (size_t p = 0; in_namespace(hosts[i], request) && p < hosts[i]->nr_ports; p++)
			json_array_append_new(list, port_json(a, hosts[i], &hosts[i]->ports[p]));
	}
	free(hosts);
	return json_pack("{s:b,s:o}", "ok", 1, "services", list);
}

/* Each cluster of the plan once, in host order, with the host that names it. */
static void cluster_each(struct agent *a, const json_t *request,
			 void (*each)(struct agent *a, const struct plan_cluster *c, json_t *list),
			 json_t *list)
{
	struct strmap seen = {0};
	struct plan_host **hosts;
	size_t nr;

	hosts = plan_sorted(a->plan, &nr);
	for (size_t i = 0; i < nr; i++) {
		for (size_t p = 0; in_namespace(hosts[i], request) && p < hosts[i]->nr_ports; p++) {
			const struct plan_route *route = &hosts[i]->ports[p].route;

			for (size_t s = 0; s < route->nr_splits; s++) {
				struct plan_cluster *c = route->splits[s].cluster;
				char *key = xasprintf("%s:%u:%s", c->host, c->port, c->subset);

				if (!strmap_put(&seen, key, c))
					each(a, c, list);
				free(key);
			}
		}
	}
	free(hosts);
	strmap_free(&seen);
}

static const char *const policies[] = {"least_request", "round_robin", "random", "passthrough"};

static void cluster_add(struct agent *a, const struct plan_cluster *c, json_t *list)
{
	struct cluster_reading r = {0};

	datapath_cluster_find(a->dp, c->host, c->port, c->subset, &r);
	json_array_append_new(
		list, json_pack("{s:s,s:i,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "host",
				c->host, "port", c->port, "subset", c->subset, "policy",
				policies[c->policy], "active", (json_int_t)r.active,
				"max_connections", (json_int_t)c->max_connections, "opened",
				(json_int_t)r.opened, "connected", (json_int_t)r.connected,
				"refused_limit", (json_int_t)r.refused_limit,
				"refused_no_endpoint", (json_int_t)r.refused_no_endpoint,
				"connect_failed", (json_int_t)r.connect_failed, "endpoints",
				(json_int_t)c->nr_endpoints, "unknown", json_text(c->unknown)));
}

json_t *command_clusters(struct agent *a, const json_t *request)
{
	json_t *list = json_array();

	cluster_each(a, request, cluster_add, list);
	return json_pack("{s:b,s:s,s:o}", "ok", 1, "counted", "per node", "clusters", list);
}

static void endpoints_add(struct agent *a, const struct plan_cluster *c, json_t *list)
{
	for (size_t i = 0; i < c->nr_endpoints; i++) {
		const struct plan_endpoint *e = &c->endpoints[i];
		struct endpoint_reading r = {0};
		char ipv4[INET_TEXT], ipv6[INET_TEXT];

		datapath_endpoint_find(a->dp, c, e, &r);
		json_array_append_new(
			list,
			json_pack("{s:s,s:i,s:s,s:o,s:o,s:i,s:s,s:s,s:I,s:I,s:I,s:I}", "host",
				  c->host, "service_port", c->port, "subset", c->subset, "ipv4",
				  json_text(e->has_ipv4 ? inet_print(&e->ipv4, ipv4) : NULL),
				  "ipv6",
				  json_text(e->has_ipv6 ? inet_print(&e->ipv6, ipv6) : NULL),
				  "port", e->port, "name", e->name ? e->name : "", "version",
				  e->version ? e->version : "", "weight", (json_int_t)e->weight,
				  "active", (json_int_t)r.active, "opened", (json_int_t)r.opened,
				  "connect_failed", (json_int_t)r.connect_failed));
	}
}

json_t *command_endpoints(struct agent *a, const json_t *request)
{
	json_t *list = json_array();

	cluster_each(a, request, endpoints_add, list);
	return json_pack("{s:b,s:o}", "ok", 1, "endpoints", list);
}
