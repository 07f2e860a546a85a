/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel counted of each destination, as metrics. */
#ifndef TELEMETRY_CLUSTERS_H
#define TELEMETRY_CLUSTERS_H

#include "telemetry/prometheus.h"

void clusters_print(struct datapath *dp, FILE *out);

#endif
