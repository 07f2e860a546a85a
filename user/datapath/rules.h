/* SPDX-License-Identifier: GPL-2.0 */
/* What a DestinationRule and a guard ask of a cluster's connections, written for the programs. */
#ifndef DATAPATH_RULES_H
#define DATAPATH_RULES_H

#include "datapath/change.h"

/* RULES_*; the guard is not the cluster's alone, and stays 0. */
uint32_t encode_rules(const struct plan_cluster *c, struct cluster_rules *out);
/* Of all clusters of a change, before its records are written. */
void rules_write(struct datapath *dp, const struct change *c);

#endif
