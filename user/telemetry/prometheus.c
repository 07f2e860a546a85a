// SPDX-License-Identifier: GPL-2.0
/* Prints counters in the text format of Prometheus. */
#include "telemetry/prometheus.h"
#include <inttypes.h>
#include "telemetry/clusters.h"
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
