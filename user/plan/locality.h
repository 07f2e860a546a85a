/* SPDX-License-Identifier: GPL-2.0 */
/* Where callers and endpoints are, and what of callers that makes matter. */
#ifndef PLAN_LOCALITY_H
#define PLAN_LOCALITY_H

#include "plan/host.h"

#define LOCALITY_LABEL "istio-locality" /* of a pod, in place of its node's labels */

/* Sets priority and share of the endpoints of `c`, of which `of` tells more, for p->caller. */
void locality_apply(const struct planner *p, struct plan_cluster *c, const struct object *owner,
		    const struct backend *of);
/* What a Service says of it; NULL: nothing. */
const struct locality_setting *locality_of_service(const struct object *owner);
/*
 * Each label key by which what `o` says compares callers with endpoints; a key may come again.
 * DestinationRules and Services say something.
 */
void locality_keys(const struct object *o, void (*take)(void *arg, const char *key), void *arg);

#endif
