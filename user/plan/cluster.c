// SPDX-License-Identifier: GPL-2.0
/* A destination: its port, its policy, and who of its host is in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/locality.h"
#include "plan/visible.h"

static enum transport transport_of(const struct reach *reach)
{
	return reach->layer == LAYER_UDP ? TRANSPORT_UDP : TRANSPORT_TCP;
}

static const struct service_port *port_find(const struct object *owner, uint16_t port,
					    enum transport transport)
{
	size_t nr;
	const struct service_port *ports = owner_ports(owner, &nr);

	for (size_t i = 0; i < nr; i++)
		if (ports[i].port == port && protocol_transport(ports[i].protocol) == transport)
			return &ports[i];
	return NULL;
}

/* The only port of all, as in Istio; of UDP, which Istio leaves alone, the only one of UDP. */
static uint16_t port_of(const struct object *owner, uint16_t port, const struct reach *reach)
{
	size_t nr = 0, nr_counted = 0, only = 0;
	const struct service_port *ports = owner ? owner_ports(owner, &nr) : NULL;

	if (port)
		return port;
	for (size_t i = 0; i < nr; i++) {
		if (reach->layer == LAYER_UDP && ports[i].protocol != PROTOCOL_UDP)
			continue;
		nr_counted++;
		only = i;
	}
	return nr_counted == 1 ? ports[only].port : reach->listener;
}

/* ---- endpoints ---- */

static bool is_in(const struct backend *b, const struct subset *subset)
{
	return !subset || !subset->labels.nr ||
	       (b->labels && labels_contain(b->labels, &subset->labels));
}

static const char *text_keep(struct arena *a, const char *text)
{
	return *text ? arena_strdup(a, text) : "";
}

/* *of: the backend of each, to be freed. */
static void endpoints_take(struct planner *p, struct plan_cluster *c,
			   const struct backends *backends, const struct subset *subset,
			   struct backend **of)
{
	struct arena *arena = p->host->arena;
	size_t nr = 0;

	for (size_t i = 0; i < backends->list.nr; i++)
		nr += is_in(&backends->list.at[i], subset);
	if (nr)
		c->endpoints = arena_alloc(arena, nr * sizeof(c->endpoints[0]));
	*of = xcalloc(nr, sizeof(**of));
	for (size_t i = 0; i < backends->list.nr; i++) {
		const struct backend *b = &backends->list.at[i];
		struct plan_endpoint *e;

		if (!is_in(b, subset))
			continue;
		e = &c->endpoints[c->nr_endpoints];
		if (c->nr_endpoints && !endpoint_address_order(e - 1, &b->endpoint))
			continue; /* the same server once more */
		(*of)[c->nr_endpoints] = *b;
		*e = b->endpoint;
		e->name = text_keep(arena, e->name);
		e->version = text_keep(arena, e->version);
		e->locality = text_keep(arena, e->locality);
		e->dns_name = text_keep(arena, e->dns_name);
		e->on_node = node_is_ours(p, b->node);
		c->nr_endpoints++;
	}
}

/* `outside`: for callers from outside of the node. */
static void backends_take(struct planner *p, struct plan_cluster *c, const struct object *owner,
			  const struct service_port *port, const struct subset *subset,
			  bool outside)
{
	struct backends backends;
	struct backend *of;

	backends_of(p, owner, c->host, port, &backends);
	topology_apply(p, c, owner, outside, &backends);
	endpoints_take(p, c, &backends, subset, &of);
	locality_apply(p, c, owner, of);
	free(of);
	if (backends.nr_waiting)
		host_find(p, DIAG_WARNING, &owner->place, owner, "",
			  "port %u: the Pods of some slice endpoints are not known (%zu); these "
			  "endpoints are left out", c->port, backends.nr_waiting);
	vec_free(&backends.list);
}

/* ---- the cluster ---- */

static enum policy kernel_policy(const struct load_balancer *lb)
{
	static const enum policy policies[] = {
		[LB_UNSET] = POLICY_LEAST_REQUEST, [LB_LEAST_REQUEST] = POLICY_LEAST_REQUEST,
		[LB_ROUND_ROBIN] = POLICY_ROUND_ROBIN, [LB_RANDOM] = POLICY_RANDOM,
		[LB_PASSTHROUGH] = POLICY_PASSTHROUGH,
	};

	if (lb && lb->hash && lb->hash->key == HASH_SOURCE_IP)
		return POLICY_SOURCE_HASH;
	return lb ? policies[lb->simple] : POLICY_LEAST_REQUEST;
}

/*
 * Session affinity keeps what any other policy chose first; a hash of the source does so by itself,
 * and what passes as dialled is not chosen.
 */
static void kernel_policy_set(struct plan_cluster *c, const struct object *owner)
{
	const struct load_balancer *lb = c->full.blocks.load_balancer;

	c->policy = kernel_policy(lb);
	if (c->policy == POLICY_SOURCE_HASH)
		c->table_size = lb->hash->table_size < UINT32_MAX ? (uint32_t)lb->hash->table_size
								  : UINT32_MAX;
	else if (c->policy != POLICY_PASSTHROUGH && owner->kind == KIND_SERVICE)
		c->affinity = owner->service.affinity_seconds;
}

static void policy_set(struct planner *p, struct plan_cluster *c, const struct object *owner,
		       const struct rules *rules, const struct destination *d,
		       const struct reach *reach)
{
	const struct traffic_policy *set = &c->full.blocks;
	struct plan_source because;
	struct object **o;

	vec_each(&rules->list, o)
		host_use(p, *o); /* the policy points into them */
	policy_resolve(p, rules, d, c->port, reach, &c->full);
	kernel_policy_set(c, owner);
	if (set->connection_pool && set->connection_pool->tcp)
		c->max_connections = set->connection_pool->tcp->max_connections;
	c->needs_tls = policy_needs_tls(&c->full);
	if (policy_because(p, &c->full, reach->layer, &because))
		c->because = because.field;
}

static const char *subset_unknown(struct planner *p, const char *host, const char *subset,
				  const struct rules *rules)
{
	if (!rules->list.nr)
		return arena_printf(p->host->arena, "no subset %s: no DestinationRule for %s",
				    subset, host);
	return arena_printf(p->host->arena, "no subset %s in %s", subset, rules->list.at[0]->id);
}

static bool rules_equal(const struct rules *a, const struct rules *b)
{
	return a->list.nr == b->list.nr &&
	       (!a->list.nr ||
		!memcmp(a->list.at, b->list.at, a->list.nr * sizeof(a->list.at[0])));
}

static const char *ids_print(struct planner *p, const struct object *owner,
			     const struct rules *rules)
{
	const char *out = owner ? owner->id : "";
	struct object **o;

	vec_each(&rules->list, o)
		out = arena_printf(p->host->arena, "%s%s%s", out, *out ? "," : "", (*o)->id);
	return *out ? out : "-";
}

/* See plan_cluster.apart. */
static const char *apart_of(struct planner *p, const char *host, const struct object *owner,
			    const struct rules *rules)
{
	struct planner everyone = *p;
	struct rules theirs;
	bool same_owner, same;

	if (!p->caller)
		return "";
	everyone.caller = NULL;
	same_owner = owner_first(&everyone, host) == owner;
	rules_of(&everyone, host, owner->namespace, &theirs);
	same = same_owner && rules_equal(rules, &theirs);
	vec_free(&theirs.list);
	return same ? "" : ids_print(p, same_owner ? NULL : owner, rules);
}

static void cluster_fill(struct planner *p, struct plan_cluster *c, const struct object *owner,
			 const struct destination *d, const struct reach *reach)
{
	const struct service_port *port = port_find(owner, c->port, transport_of(reach));
	const struct subset *subset = NULL;
	struct object *rule = NULL;
	struct rules rules;

	rules_of(p, c->host, owner->namespace, &rules);
	policy_set(p, c, owner, &rules, d, reach);
	c->apart = apart_of(p, c->host, owner, &rules);
	if (*c->subset)
		subset = subset_find(&rules, c->subset, &rule);
	if (!port)
		c->unknown = arena_printf(p->host->arena, "no %sport %u in %s",
					  reach->layer == LAYER_UDP ? "UDP " : "", c->port,
					  owner->id);
	else if (*c->subset && !subset)
		c->unknown = subset_unknown(p, c->host, c->subset, &rules);
	else
		backends_take(p, c, owner, port, subset, false);
	vec_free(&rules.list);
}

static struct plan_cluster *cluster_new(struct planner *p, const struct destination *d,
					const struct reach *reach)
{
	struct arena *arena = p->host->arena;
	struct plan_cluster *c = arena_alloc(arena, sizeof(*c));
	const struct object *owner = host_owner(p, d->host);

	c->host = arena_strdup(arena, d->host);
	c->subset = text_keep(arena, d->subset);
	c->port = port_of(owner, d->port, reach);
	c->udp = reach->layer == LAYER_UDP;
	policy_clear(&c->full);
	c->because = c->apart = "";
	if (owner)
		cluster_fill(p, c, owner, d, reach);
	else
		c->unknown = arena_printf(arena, "no service %s", d->host);
	return c;
}

struct plan_cluster *cluster_from_outside(struct planner *p, struct plan_cluster *c)
{
	const struct object *owner = host_owner(p, c->host);
	struct plan_cluster *out;
	struct object *rule;
	struct rules rules;

	if (c->unknown || !owner || owner->kind != KIND_SERVICE || !owner->service.internal_local)
		return c;
	out = arena_alloc(p->host->arena, sizeof(*out));
	*out = *c;
	out->endpoints = NULL;
	out->nr_endpoints = 0;
	rules_of(p, c->host, owner->namespace, &rules);
	backends_take(p, out, owner,
		      port_find(owner, c->port, c->udp ? TRANSPORT_UDP : TRANSPORT_TCP),
		      *c->subset ? subset_find(&rules, c->subset, &rule) : NULL, true);
	vec_free(&rules.list);
	return out;
}

struct plan_cluster *cluster_build(struct planner *p, const struct destination *d,
				   const struct reach *reach)
{
	struct plan_cluster *c;
	char key[INDEX_KEY];

	snprintf(key, sizeof(key), "%s %s %u %u %u %d %d", d->host, d->subset, d->port,
		 reach->listener, reach->layer, reach->routed, reach->alone);
	c = strmap_get(p->clusters, key);
	if (!c) {
		c = cluster_new(p, d, reach);
		strmap_put(p->clusters, key, c);
	}
	return c;
}
