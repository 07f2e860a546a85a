/* SPDX-License-Identifier: GPL-2.0 */
/* Counters as text that Prometheus reads. */
#ifndef TELEMETRY_PROMETHEUS_H
#define TELEMETRY_PROMETHEUS_H

#include <stdio.h>
#include "datapath/datapath.h"

struct prometheus_facts {
	struct datapath *dp;
	const struct plan *plan;
	size_t nr_objects, nr_rejected;
	size_t nr_callers; /* network namespaces of pods whose scope is known */
};
void prometheus_print(const struct prometheus_facts *facts, FILE *out);
/* `text` as a label's value: quotes, backslashes and line ends escaped. */
void prometheus_print_label(const char *text, FILE *out);

#endif
