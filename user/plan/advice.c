// SPDX-License-Identifier: GPL-2.0
/* Settings that are right on their own and cannot do what they were written for. */
#include <stdio.h>
#include "plan/host.h"

/* Istio ejects one more only while the ejected are no more than the share of all that may be. */
static void ejection_check(struct planner *p, const struct plan_cluster *c)
{
	const struct outlier_detection *o = c->full.blocks.outlier_detection;
	const struct plan_source *from = &c->full.from[BLOCK_OUTLIER_DETECTION];
	char one[16];

	if (!o || !from->object || c->unknown || !c->nr_endpoints)
		return;
	if (100.0 / (double)c->nr_endpoints <= o->max_ejection_percent)
		return;
	host_find(p, DIAG_WARNING, &from->place, from->object, from->field,
		  "can never eject: %s%s%s has %zu endpoint%s, so that one is %s of them, more than "
		  "maxEjectionPercent %u", c->subset, *c->subset ? " of " : "", c->host,
		  c->nr_endpoints, c->nr_endpoints == 1 ? "" : "s",
		  percent_print(1.0 / (double)c->nr_endpoints, one), o->max_ejection_percent);
}

static void route_check(struct planner *p, const struct plan_route *r)
{
	for (size_t i = 0; i < r->nr_splits; i++)
		ejection_check(p, r->splits[i].cluster);
}

/* A name without a protocol leaves it to the first bytes, where http rules count on one. */
static void protocol_check(struct planner *p, const struct plan_port *port, const struct object *vs)
{
	if (port->protocol != PROTOCOL_AUTO || !port->nr_rules || !port->rules[0].from.object)
		return;
	host_find(p, DIAG_WARNING, &p->owner->place, p->owner, "",
		  "port %u: the name \"%s\" says no protocol, and %s has http routes for it: want a "
		  "name like http-%s, or appProtocol: http", port->port, port->name, vs->id,
		  *port->name ? port->name : "web");
}

void advice_give(struct planner *p, const struct plan_port *port, const struct object *vs)
{
	route_check(p, &port->route);
	for (size_t i = 0; i < port->nr_branches; i++)
		route_check(p, &port->branches[i].route);
	for (size_t i = 0; i < port->nr_rules; i++)
		route_check(p, &port->rules[i].route);
	protocol_check(p, port, vs);
}
