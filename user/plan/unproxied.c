// SPDX-License-Identifier: GPL-2.0
/* What an http port asks of the proxy that the proxy does not do yet: told, never passed over. */
#include "plan/host.h"

#define HASH_RING_MAX (8u << 20)

static void tell(struct planner *p, const struct plan_source *from, const char *what)
{
	if (from->object)
		host_find(p, DIAG_NOTICE, &from->place, from->object, from->field,
			  "%s is not done by the proxy yet", what);
}

static void balancer_tell(struct planner *p, const struct plan_policy *policy)
{
	const struct consistent_hash *hash = policy->blocks.load_balancer->hash;

	if (hash && !hash->maglev && hash->table_size > HASH_RING_MAX)
		tell(p, &policy->from[BLOCK_LOAD_BALANCER],
		     "consistentHash with a ring of more than 8388608 entries (as many are used)");
}

/* As in Istio. */
static void affinity_tell(struct planner *p, const struct plan_cluster *c)
{
	const struct object *owner = host_owner(p, c->host);

	if (owner)
		host_find(p, DIAG_NOTICE, &owner->place, owner, "spec.sessionAffinity",
			  "has no effect on the requests of port %u, which is for the proxy",
			  c->port);
}

/* `tls`: what becomes of what would need it. */
static void cluster_tell(struct planner *p, const struct plan_cluster *c, const char *tls)
{
	const struct traffic_policy *b = &c->full.blocks;
	const struct plan_source *from = c->full.from;

	if (c->affinity)
		affinity_tell(p, c);
	if (b->load_balancer)
		balancer_tell(p, &c->full);
	if (b->connection_pool && b->connection_pool->http &&
	    b->connection_pool->http->h2_upgrade == H2_UPGRADE)
		tell(p, &from[BLOCK_CONNECTION_POOL], "HTTP/2 to servers");
	if (c->needs_tls)
		tell(p, &from[BLOCK_TLS], tls);
	if (b->tunnel)
		tell(p, &from[BLOCK_TUNNEL], "tunnel");
	if (b->retry_budget && b->retry_budget->interval)
		tell(p, &from[BLOCK_RETRY_BUDGET],
		     "retryBudget.budgetInterval (requests under way count)");
}

static void route_tell(struct planner *p, const struct plan_route *r, const char *tls)
{
	for (size_t i = 0; i < r->nr_splits; i++)
		cluster_tell(p, r->splits[i].cluster, tls);
}

void unproxied_tell(struct planner *p, const struct plan_port *port)
{
	for (size_t i = 0; i < port->nr_rules; i++) {
		const struct plan_rule *r = &port->rules[i];

		route_tell(p, &r->route, "client TLS (requests are answered 503)");
		for (size_t j = 0; j < r->nr_mirrors; j++)
			cluster_tell(p, r->mirrors[j].cluster,
				     "client TLS (copies are not sent)");
	}
	route_tell(p, &port->bytes, "client TLS (connections are closed)");
}
