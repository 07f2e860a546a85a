/* SPDX-License-Identifier: GPL-2.0 */
/* What the L7 proxy counted, as metrics. */
#ifndef TELEMETRY_REQUESTS_H
#define TELEMETRY_REQUESTS_H

#include "telemetry/prometheus.h"

void requests_print(struct datapath *dp, FILE *out);
void proxy_print(const struct prometheus_facts *facts, FILE *out);

#endif
