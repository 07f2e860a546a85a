/* SPDX-License-Identifier: GPL-2.0 */
/* Counters as text that Prometheus reads. */
#ifndef TELEMETRY_PROMETHEUS_H
#define TELEMETRY_PROMETHEUS_H

#include <jansson.h>
#include <stdio.h>
#include "datapath/datapath.h"

struct prometheus_facts {
	struct datapath *dp;
	const struct plan *plan;
	size_t nr_objects, nr_rejected;
	size_t nr_callers; /* network namespaces of pods whose scope is known */
	bool proxy_serves; /* the L7 proxy */
	unsigned proxy_restarts;
	const json_t *said; /* by each of its processes, see proxy/stats.c; NULL: nothing */
};
void prometheus_print(const struct prometheus_facts *facts, FILE *out);
/* The lines that go before a metric's values; and such a metric with one value. */
void prometheus_print_head(FILE *out, const char *name, const char *type, const char *help);
void prometheus_print_one(FILE *out, const char *name, const char *type, const char *help,
			  uint64_t value);
/* `text` as a label's value: quotes, backslashes and line ends escaped. */
void prometheus_print_label(const char *text, FILE *out);

#endif
