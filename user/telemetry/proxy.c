// SPDX-License-Identifier: GPL-2.0
/* Prints what the processes of the L7 proxy, that serve or drain, say of themselves. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "telemetry/requests.h"

static uint64_t number(const json_t *of, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(of, key));

	return n > 0 ? (uint64_t)n : 0;
}

/* Over all processes. */
static uint64_t sum(const json_t *said, const char *key)
{
	uint64_t n = 0;
	const json_t *it;
	size_t i;

	json_array_foreach(said, i, it)
		n += number(it, key);
	return n;
}

static const struct {
	const char *name, *type, *key, *help;
} of_cluster[] = {
	{"shunt_proxy_cluster_connections", "gauge", "connections",
	 "connections of the proxy to this cluster"},
	{"shunt_proxy_cluster_pending", "gauge", "pending",
	 "requests that wait for a connection to this cluster"},
	{"shunt_proxy_cluster_requests", "gauge", "requests", "requests on their way to this cluster"},
	{"shunt_proxy_cluster_retries", "gauge", "retries", "of these, tries after the first one"},
};

/* Clusters and endpoints of several processes, while one of them drains, are one. */
struct merged {
	struct strmap clusters;	 /* name -> uint64_t *, one for each of of_cluster */
	struct strmap endpoints; /* "name\naddress" -> whether it is ejected, as a pointer */
};
#define NR_OF_CLUSTER (sizeof(of_cluster) / sizeof(of_cluster[0]))

static void cluster_merge(struct merged *all, const char *name, const json_t *cluster)
{
	uint64_t *sums = strmap_get(&all->clusters, name);
	const json_t *e;
	size_t i;

	if (!sums) {
		sums = xcalloc(NR_OF_CLUSTER, sizeof(*sums));
		strmap_put(&all->clusters, name, sums);
	}
	for (i = 0; i < NR_OF_CLUSTER; i++)
		sums[i] += number(cluster, of_cluster[i].key);
	json_array_foreach(json_object_get(cluster, "endpoints"), i, e) {
		const char *address = json_string_value(json_object_get(e, "address"));
		char *key = address && number(e, "ejections") ? xasprintf("%s\n%s", name, address)
							      : NULL;

		if (key && (!strmap_get(&all->endpoints, key) ||
			    json_is_true(json_object_get(e, "ejected"))))
			strmap_put(&all->endpoints, key,
				   json_is_true(json_object_get(e, "ejected")) ? "1" : "0");
		free(key);
	}
}

static void merge(struct merged *all, const json_t *said)
{
	const json_t *process, *cluster;
	size_t i, j;

	json_array_foreach(said, i, process)
		json_array_foreach(json_object_get(process, "clusters"), j, cluster) {
			const char *name = json_string_value(json_object_get(cluster, "name"));

			if (name)
				cluster_merge(all, name, cluster);
		}
}

static void clusters_print(const struct merged *all, size_t which, FILE *out)
{
	const struct strmap_entry *e;

	prometheus_print_head(out, of_cluster[which].name, of_cluster[which].type,
			      of_cluster[which].help);
	strmap_each(&all->clusters, e) {
		fprintf(out, "%s{cluster=\"", of_cluster[which].name);
		prometheus_print_label(e->key, out);
		fprintf(out, "\"} %" PRIu64 "\n", ((const uint64_t *)e->value)[which]);
	}
}

static void endpoints_print(const struct merged *all, FILE *out)
{
	const struct strmap_entry *e;

	prometheus_print_head(out, "shunt_proxy_endpoint_ejected", "gauge",
			      "1 while outlier detection leaves the endpoint out");
	strmap_each(&all->endpoints, e) {
		const char *address = strchr(e->key, '\n');
		char *name = xstrndup(e->key, (size_t)(address - e->key));

		fputs("shunt_proxy_endpoint_ejected{cluster=\"", out);
		prometheus_print_label(name, out);
		fputs("\",endpoint=\"", out);
		prometheus_print_label(address + 1, out);
		fprintf(out, "\"} %s\n", (const char *)e->value);
		free(name);
	}
}

static void merged_free(struct merged *all)
{
	const struct strmap_entry *e;

	strmap_each(&all->clusters, e)
		free(e->value);
	strmap_free(&all->clusters);
	strmap_free(&all->endpoints);
}

void proxy_print(const struct prometheus_facts *facts, FILE *out)
{
	const json_t *said = facts->said;
	struct merged all = {0};

	merge(&all, said);
	prometheus_print_one(out, "shunt_proxy_up", "gauge", "1 while the L7 proxy serves",
			     facts->proxy_serves);
	prometheus_print_one(out, "shunt_proxy_restarts_total", "counter",
			     "starts of the L7 proxy after an end that nobody asked for",
			     facts->proxy_restarts);
	prometheus_print_one(out, "shunt_proxy_connections", "gauge",
			     "connections of clients to the L7 proxy", sum(said, "connections"));
	prometheus_print_one(out, "shunt_proxy_memory_bytes", "gauge",
			     "what its connections and buffers take of the limit",
			     sum(said, "memory_bytes"));
	prometheus_print_one(out, "shunt_proxy_memory_limit_bytes", "gauge", "as --l7-memory says",
			     sum(said, "memory_limit_bytes"));
	prometheus_print_one(out, "shunt_access_log_lines_lost_total", "counter",
			     "lines that could not be written in time", sum(said, "log_lines_lost"));
	for (size_t i = 0; i < NR_OF_CLUSTER; i++)
		clusters_print(&all, i, out);
	endpoints_print(&all, out);
	merged_free(&all);
}
