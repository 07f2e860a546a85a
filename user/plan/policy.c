// SPDX-License-Identifier: GPL-2.0
/* What DestinationRules come to for one destination, block by block, and who said each. */
#include <stddef.h>
#include <string.h>
#include "plan/host.h"

#define NR_PORT_BLOCKS (BLOCK_TLS + 1) /* those that portLevelSettings have too */

static const struct block {
	const char *name;
	size_t at;    /* of the pointer in struct traffic_policy */
	size_t place; /* in what it points to */
} blocks[NR_BLOCKS] = {
#define BLOCK(name_, member, type)                                                                 \
	{name_, offsetof(struct traffic_policy, member), offsetof(struct type, place)}
	[BLOCK_LOAD_BALANCER] = BLOCK("loadBalancer", load_balancer, load_balancer),
	[BLOCK_CONNECTION_POOL] = BLOCK("connectionPool", connection_pool, connection_pool),
	[BLOCK_OUTLIER_DETECTION] = BLOCK("outlierDetection", outlier_detection, outlier_detection),
	[BLOCK_TLS] = BLOCK("tls", tls, client_tls),
	[BLOCK_TUNNEL] = BLOCK("tunnel", tunnel, tunnel),
	[BLOCK_PROXY_PROTOCOL] = BLOCK("proxyProtocol", proxy_protocol, proxy_protocol),
	[BLOCK_RETRY_BUDGET] = BLOCK("retryBudget", retry_budget, retry_budget),
#undef BLOCK
};

/* Pointers of different types, so they are copied as bytes. */
static const char *block_get(const struct traffic_policy *set, int b)
{
	const char *block;

	memcpy(&block, (const char *)set + blocks[b].at, sizeof(block));
	return block;
}

/* Most clusters have no rule: they share it. */
static const struct plan_source nobody[NR_BLOCKS] = {
	[0 ... NR_BLOCKS - 1] = {.field = ""},
};

/* A policy while it is resolved. */
struct draft {
	struct traffic_policy blocks;
	struct plan_source from[NR_BLOCKS];
};

/* A block of a set of `rule`, written under `path`, in the place of what was there. */
static void block_take(struct arena *a, struct draft *out, const struct traffic_policy *set, int b,
		       const struct object *rule, const char *path)
{
	const char *block = block_get(set, b);

	memcpy((char *)&out->blocks + blocks[b].at, &block, sizeof(block));
	out->from[b] = nobody[b];
	if (!block)
		return;
	out->from[b].object = rule;
	out->from[b].field = arena_printf(a, "%s.%s", path, blocks[b].name);
	memcpy(&out->from[b].place, block + blocks[b].place, sizeof(out->from[b].place));
}

static const struct port_policy *port_find(const struct traffic_policy *set, uint16_t port)
{
	for (size_t i = 0; i < set->nr_ports; i++)
		if (set->ports[i].port == port)
			return &set->ports[i];
	return NULL;
}

/*
 * Settings of the port replace all blocks that they can have, also by leaving them out; other
 * blocks replace only what they set, and without `tunnel` not that one.
 */
static void set_take(struct arena *a, struct draft *out, const struct traffic_policy *set,
		     uint16_t port, bool tunnel, const struct object *rule, const char *path)
{
	const struct port_policy *of_port = port_find(set, port);

	if (of_port) {
		path = arena_printf(a, "%s.portLevelSettings[%zu]", path,
				    (size_t)(of_port - set->ports));
		for (int b = 0; b < NR_PORT_BLOCKS; b++)
			block_take(a, out, &of_port->policy, b, rule, path);
		return;
	}
	for (int b = 0; b < NR_BLOCKS; b++)
		if (block_get(set, b) && (tunnel || b != BLOCK_TUNNEL))
			block_take(a, out, set, b, rule, path);
}

static const struct object *policy_rule(const struct rules *rules)
{
	struct object **o;

	vec_each(&rules->list, o)
		if ((*o)->destination_rule.policy)
			return *o;
	return NULL;
}

/*
 * An http route that names no port takes the key of a hash from the rule, not from the rule's
 * settings of the port: only the way of hashing is theirs.
 */
static void hash_rekey(struct arena *a, struct draft *out, const struct traffic_policy *set,
		       uint16_t port)
{
	const struct port_policy *of_port = port_find(set, port);
	const struct load_balancer *lb = out->blocks.load_balancer;
	const struct consistent_hash *top = set->load_balancer ? set->load_balancer->hash : NULL;
	struct consistent_hash *hash;
	struct load_balancer *copy;

	if (!of_port || !lb || lb != of_port->policy.load_balancer || !lb->hash)
		return;
	hash = arena_alloc(a, sizeof(*hash));
	if (top)
		*hash = *top;
	else
		hash->name = hash->cookie_path = "";
	hash->maglev = lb->hash->maglev;
	hash->table_size = lb->hash->table_size;
	copy = arena_alloc(a, sizeof(*copy));
	*copy = *lb;
	copy->hash = hash;
	out->blocks.load_balancer = copy;
}

/* Nothing of TLS, of proxies or of failures is known of a datagram. */
static void datagrams_keep(struct planner *p, struct draft *out)
{
	const struct plan_source from = out->from[BLOCK_OUTLIER_DETECTION];

	if (out->blocks.outlier_detection)
		host_find(p, DIAG_NOTICE, &from.place, from.object, from.field,
			  "has no effect on a UDP port: nothing tells that a datagram was lost");
	for (int b = BLOCK_OUTLIER_DETECTION; b < NR_BLOCKS; b++)
		out->from[b] = nobody[b];
	out->blocks = (struct traffic_policy){.load_balancer = out->blocks.load_balancer,
					      .connection_pool = out->blocks.connection_pool};
}

void policy_clear(struct plan_policy *out)
{
	*out = (struct plan_policy){.from = nobody};
}

static void policy_take(struct arena *a, const struct draft *from, struct plan_policy *out)
{
	bool said = false;

	policy_clear(out);
	out->blocks = from->blocks;
	for (int b = 0; b < NR_BLOCKS; b++)
		said |= from->from[b].object != NULL;
	if (said)
		out->from = memcpy(arena_alloc(a, sizeof(from->from)), from->from,
				   sizeof(from->from));
}

void policy_resolve(struct planner *p, const struct rules *rules, const struct destination *d,
		    uint16_t port, const struct reach *reach, struct plan_policy *out)
{
	const struct object *rule = policy_rule(rules);
	struct arena *a = p->host->arena;
	const struct subset *s = NULL;
	struct draft draft = {0};
	struct object *owner;

	memcpy(draft.from, nobody, sizeof(nobody));
	if (rule)
		set_take(a, &draft, rule->destination_rule.policy, port, true, rule,
			 "spec.trafficPolicy");
	if (*d->subset)
		s = subset_find(rules, d->subset, &owner);
	if (s && s->policy)
		set_take(a, &draft, s->policy, port, reach->alone, owner,
			 arena_printf(a, "spec.subsets[%zu].trafficPolicy",
				      (size_t)(s - owner->destination_rule.subsets)));
	if (rule && reach->routed && reach->layer == LAYER_HTTP && !d->port)
		hash_rekey(a, &draft, rule->destination_rule.policy, port);
	if (reach->layer == LAYER_UDP)
		datagrams_keep(p, &draft);
	policy_take(a, &draft, out);
}

/* ---- what it needs ---- */

static const char *hash_field(const struct load_balancer *lb)
{
	switch (lb && lb->hash ? lb->hash->key : HASH_NONE) {
	case HASH_HEADER:
		return "consistentHash.httpHeaderName";
	case HASH_COOKIE:
		return "consistentHash.httpCookie";
	case HASH_QUERY:
		return "consistentHash.httpQueryParameterName";
	default:
		return NULL;
	}
}

static void source_of(struct planner *p, const struct plan_policy *policy, int b, const char *field,
		      struct plan_source *out)
{
	*out = policy->from[b];
	if (*field)
		out->field = arena_printf(p->host->arena, "%s.%s", out->field, field);
}

bool policy_because(struct planner *p, const struct plan_policy *policy, enum layer layer,
		    struct plan_source *out)
{
	const struct traffic_policy *set = &policy->blocks;
	const char *hash = hash_field(set->load_balancer);

	if (layer != LAYER_TCP && layer != LAYER_UDP && set->connection_pool && set->connection_pool->http)
		source_of(p, policy, BLOCK_CONNECTION_POOL, "http", out);
	else if (layer == LAYER_HTTP && set->outlier_detection)
		source_of(p, policy, BLOCK_OUTLIER_DETECTION, "", out);
	else if (layer != LAYER_TCP && layer != LAYER_UDP && hash)
		source_of(p, policy, BLOCK_LOAD_BALANCER, hash, out);
	else if (policy_needs_tls(policy))
		source_of(p, policy, BLOCK_TLS, "mode", out);
	else if (set->tunnel)
		source_of(p, policy, BLOCK_TUNNEL, "", out);
	else if (set->proxy_protocol)
		source_of(p, policy, BLOCK_PROXY_PROTOCOL, "", out);
	else
		return false;
	return true;
}

bool policy_needs_tls(const struct plan_policy *policy)
{
	return policy->blocks.tls && policy->blocks.tls->mode != CLIENT_TLS_DISABLE;
}

/* ---- what has no effect ---- */

/* An http port in the kernel has none of what is of HTTP: that would have made it the proxy's. */
void policy_tell(struct planner *p, const struct plan_policy *policy)
{
	const char *hash = hash_field(policy->blocks.load_balancer);
	struct plan_source source;

	if (!hash)
		return;
	source_of(p, policy, BLOCK_LOAD_BALANCER, hash, &source);
	host_find(p, DIAG_NOTICE, &source.place, source.object, source.field,
		  "has no effect on a port without HTTP: want useSourceIp there");
}
