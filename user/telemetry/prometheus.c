// SPDX-License-Identifier: GPL-2.0
/* Prints the kernel's counters in the text format of Prometheus. */
#include "telemetry/prometheus.h"
#include <inttypes.h>
#include "telemetry/requests.h"

void prometheus_print_label(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

void prometheus_print_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void prometheus_print_one(FILE *out, const char *name, const char *type, const char *help,
			  uint64_t value)
{
	prometheus_print_head(out, name, type, help);
	fprintf(out, "%s %" PRIu64 "\n", name, value);
}

static void counters_print(struct datapath *dp, FILE *out)
{
	struct counters c = {0};

	if (datapath_counters(dp, &c))
		return;
#define X(name, text) prometheus_print_one(out, "shunt_" #name "_total", "counter", text, c.name);
	SHUNT_COUNTERS(X)
#undef X
}

static const struct {
	const char *name, *type, *help;
} per_cluster[] = {
	{"shunt_cluster_connections_active", "gauge", "reservations held now, on this node"},
	{"shunt_cluster_connections_opened_total", "counter", "connections sent to this cluster"},
	{"shunt_cluster_connections_connected_total", "counter", "of these, established"},
	{"shunt_cluster_refused_limit_total", "counter", "connections refused at maxConnections"},
	{"shunt_cluster_refused_no_endpoint_total", "counter",
	 "connections refused for want of an endpoint"},
	{"shunt_cluster_connect_failed_total", "counter", "connections that their endpoint failed"},
};
#define NR_PER_CLUSTER (sizeof(per_cluster) / sizeof(per_cluster[0]))

static int64_t cluster_value(const struct cluster_reading *r, size_t which)
{
	const uint64_t values[NR_PER_CLUSTER] = {
		(uint64_t)r->active, r->opened, r->connected,
		r->refused_limit, r->refused_no_endpoint, r->connect_failed,
	};

	return (int64_t)values[which];
}

struct readings {
	VEC(struct cluster_reading) list;
};

static void reading_keep(const struct cluster_reading *r, void *arg)
{
	struct readings *all = arg;

	vec_push(&all->list, *r);
}

/* One metric's lines stand together, so the readings are taken once and walked for each. */
static void clusters_print(struct datapath *dp, FILE *out)
{
	struct readings all = {0};
	const struct cluster_reading *r;

	datapath_cluster_each(dp, reading_keep, &all);
	for (size_t i = 0; i < NR_PER_CLUSTER; i++) {
		prometheus_print_head(out, per_cluster[i].name, per_cluster[i].type,
				      per_cluster[i].help);
		vec_each(&all.list, r)
		{
			fprintf(out, "%s{host=\"", per_cluster[i].name);
			prometheus_print_label(r->name.host, out);
			fprintf(out, "\",port=\"%u\",subset=\"", r->name.port);
			prometheus_print_label(r->name.subset, out);
			fprintf(out, "\"} %" PRId64 "\n", cluster_value(r, i));
		}
	}
	vec_free(&all.list);
}

void prometheus_print(const struct prometheus_facts *facts, FILE *out)
{
	struct datapath_status st = {0};

	datapath_status(facts->dp, &st);
	counters_print(facts->dp, out);
	prometheus_print_one(out, "shunt_reservations_leaked_total", "counter",
		  "reservations that no socket held and an audit returned", st.leaked);
	prometheus_print_one(out, "shunt_audits_total", "counter",
			     "walks over all live sockets", st.audits);
	prometheus_print_one(out, "shunt_plan_number", "gauge", "the plan in force",
		  facts->plan ? facts->plan->number : 0);
	prometheus_print_one(out, "shunt_hosts", "gauge", "hosts of the plan in force",
		  facts->plan ? facts->plan->hosts.nr : 0);
	prometheus_print_one(out, "shunt_scopes", "gauge", "kinds of callers that rules tell apart",
		  facts->plan ? facts->plan->scopes.nr : 0);
	prometheus_print_one(out, "shunt_callers", "gauge",
		  "network namespaces of pods whose callers are told apart", facts->nr_callers);
	prometheus_print_one(out, "shunt_objects", "gauge", "objects in force", facts->nr_objects);
	prometheus_print_one(out, "shunt_objects_rejected", "gauge", "faults in the sources",
		  facts->nr_rejected);
	clusters_print(facts->dp, out);
	requests_print(facts->dp, out);
	proxy_print(facts, out);
}
