// SPDX-License-Identifier: GPL-2.0
/* What an http port asks of the proxy that the proxy does not do yet: told, never passed over. */
#include <string.h>
#include "plan/host.h"

static void tell(struct planner *p, const struct plan_source *from, const char *what)
{
	if (from->object)
		host_find(p, DIAG_NOTICE, &from->place, from->object, from->field,
			  "%s is not done by the proxy yet", what);
}

static void balancer_tell(struct planner *p, const struct plan_policy *policy)
{
	const struct load_balancer *lb = policy->blocks.load_balancer;
	const struct plan_source *from = &policy->from[BLOCK_LOAD_BALANCER];

	if (lb->hash && lb->hash->key != HASH_NONE)
		tell(p, from, "consistentHash (the default is used instead)");
	if (lb->locality && lb->locality->enabled)
		tell(p, from, "locality balancing");
	if (lb->warmup)
		tell(p, from, "warm-up");
}

static void cluster_tell(struct planner *p, const struct plan_cluster *c)
{
	const struct traffic_policy *b = &c->full.blocks;
	const struct plan_source *from = c->full.from;

	if (b->load_balancer)
		balancer_tell(p, &c->full);
	if (b->connection_pool && b->connection_pool->tcp &&
	    b->connection_pool->tcp->max_connection_duration)
		tell(p, &from[BLOCK_CONNECTION_POOL], "tcp.maxConnectionDuration");
	if (b->connection_pool && b->connection_pool->tcp && b->connection_pool->tcp->keepalive)
		tell(p, &from[BLOCK_CONNECTION_POOL], "tcp.tcpKeepalive");
	if (b->connection_pool && b->connection_pool->http &&
	    b->connection_pool->http->h2_upgrade == H2_UPGRADE)
		tell(p, &from[BLOCK_CONNECTION_POOL], "HTTP/2 to servers");
	if (c->needs_tls)
		tell(p, &from[BLOCK_TLS], "client TLS (requests are answered 503)");
	if (b->tunnel)
		tell(p, &from[BLOCK_TUNNEL], "tunnel");
	if (b->proxy_protocol)
		tell(p, &from[BLOCK_PROXY_PROTOCOL], "proxyProtocol");
	if (b->retry_budget)
		tell(p, &from[BLOCK_RETRY_BUDGET], "retryBudget");
}

void unproxied_tell(struct planner *p, const struct plan_port *port)
{
	for (size_t i = 0; i < port->nr_rules; i++) {
		const struct plan_rule *r = &port->rules[i];

		if (r->nr_mirrors)
			tell(p, &r->from, "the mirror");
		for (size_t j = 0; j < r->route.nr_splits; j++)
			cluster_tell(p, r->route.splits[j].cluster);
	}
}
