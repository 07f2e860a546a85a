/* SPDX-License-Identifier: GPL-2.0 */
/* A cluster's health and traffic, as JSON. */
#ifndef AGENT_HEALTH_H
#define AGENT_HEALTH_H

#include <jansson.h>
#include "datapath/datapath.h"

/* {"ejected", "ejections", "ejections_refused", "guarded_since", "guards", "traffic": {…}} */
json_t *health_json(const struct cluster_reading *r);
/* Destinations that a guard keeps out of their splits: [{"host", "port", "subset", "since"}] */
json_t *health_guarded(struct datapath *dp);
/*
 * Of `destinations`, a list of objects with host, port and subset, those of which something is left
 * out now: [{"host", "port", "subset", "ejected", "guarded_since"}]
 */
json_t *health_of(struct datapath *dp, const json_t *destinations);

#endif
