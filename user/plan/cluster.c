// SPDX-License-Identifier: GPL-2.0
/* A destination: which rules count for it, what they come to, and who of its host is in it. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include "plan/host.h"

bool rule_is_for_all(const struct object *o)
{
	for (size_t i = 0; i < o->nr_later; i++)
		if (!strncmp(o->later[i].path, "spec.workloadSelector", 21))
			return false;
	return true;
}

static int rule_order(const void *a, const void *b)
{
	return object_order(*(struct object *const *)a, *(struct object *const *)b);
}

static void rules_in(const struct planner *p, const char *host, const char *namespace,
		     struct rules *out)
{
	const struct bag *bag;
	struct object *o;
	size_t step = 0;

	while (!out->list.nr && (bag = index_cover(&p->index->rules, p->index->nr_wild_rules,
						   host, &step)))
		bag_each(bag, o)
			if (!strcmp(o->namespace, namespace) && rule_is_for_all(o))
				vec_push(&out->list, o);
	if (out->list.nr > 1)
		qsort(out->list.at, out->list.nr, sizeof(out->list.at[0]), rule_order);
}

void rules_of(const struct planner *p, const char *host, const char *namespace, struct rules *out)
{
	memset(out, 0, sizeof(*out));
	rules_in(p, host, namespace, out);
	if (!out->list.nr)
		rules_in(p, host, ROOT_NAMESPACE, out);
}

const struct subset *subset_find(const struct rules *rules, const char *name,
				 struct object **rule)
{
	struct object **o;

	vec_each(&rules->list, o) {
		const struct destination_rule *dr = &(*o)->destination_rule;

		for (size_t i = 0; i < dr->nr_subsets; i++) {
			if (strcmp(dr->subsets[i].name, name))
				continue;
			*rule = *o;
			return &dr->subsets[i];
		}
	}
	return NULL;
}

/* ---- policy ---- */

static const enum policy policies[] = {
	[LB_UNSET] = POLICY_LEAST_REQUEST, [LB_LEAST_REQUEST] = POLICY_LEAST_REQUEST,
	[LB_ROUND_ROBIN] = POLICY_ROUND_ROBIN, [LB_RANDOM] = POLICY_RANDOM,
	[LB_PASSTHROUGH] = POLICY_PASSTHROUGH,
};

static void blocks_apply(const struct traffic_policy *blocks, const struct object *rule,
			 const char *prefix, struct policy_choice *out)
{
	if (blocks->load_balancer) {
		out->policy = policies[blocks->load_balancer->simple];
		out->rule = rule;
		snprintf(out->field, sizeof(out->field), "%s.loadBalancer.simple", prefix);
	}
	if (blocks->connection_pool)
		out->max_connections = blocks->connection_pool->tcp
					       ? blocks->connection_pool->tcp->max_connections
					       : 0;
}

/* Settings of the port replace all blocks so far; other blocks only those that they set. */
static void set_apply(const struct traffic_policy *set, uint16_t port, const struct object *rule,
		      const char *prefix, struct policy_choice *out)
{
	char field[96];

	for (size_t i = 0; i < set->nr_ports; i++) {
		if (set->ports[i].port != port)
			continue;
		snprintf(field, sizeof(field), "%s.portLevelSettings[%zu]", prefix, i);
		memset(out, 0, sizeof(*out));
		blocks_apply(&set->ports[i].policy, rule, field, out);
		return;
	}
	blocks_apply(set, rule, prefix, out);
}

void policy_choose(const struct rules *rules, uint16_t port, const char *subset,
		   struct policy_choice *out)
{
	const struct subset *s;
	struct object **o, *rule;
	char prefix[64];

	memset(out, 0, sizeof(*out));
	vec_each(&rules->list, o) {
		if (!(*o)->destination_rule.policy)
			continue;
		set_apply((*o)->destination_rule.policy, port, *o, "spec.trafficPolicy", out);
		break;
	}
	s = *subset ? subset_find(rules, subset, &rule) : NULL;
	if (!s || !s->policy)
		return;
	snprintf(prefix, sizeof(prefix), "spec.subsets[%zu].trafficPolicy",
		 (size_t)(s - rule->destination_rule.subsets));
	set_apply(s->policy, port, rule, prefix, out);
}

/* ---- the cluster ---- */

static const struct service_port *port_find(const struct object *owner, uint16_t port)
{
	size_t nr;
	const struct service_port *ports = owner_ports(owner, &nr);

	for (size_t i = 0; i < nr; i++)
		if (ports[i].port == port && ports[i].protocol != PROTOCOL_UDP)
			return &ports[i];
	return NULL;
}

static uint16_t port_of(const struct object *owner, uint16_t port, uint16_t listener)
{
	size_t nr = 0;
	const struct service_port *ports = owner ? owner_ports(owner, &nr) : NULL;

	if (port)
		return port;
	return nr == 1 ? ports[0].port : listener;
}

static bool is_in(const struct backend *b, const struct subset *subset)
{
	return !subset || !subset->labels.nr ||
	       (b->labels && labels_contain(b->labels, &subset->labels));
}

static void endpoints_take(struct planner *p, struct plan_cluster *c,
			   const struct backends *backends, const struct subset *subset)
{
	struct arena *arena = p->host->arena;
	size_t nr = 0;

	for (size_t i = 0; i < backends->list.nr; i++)
		nr += is_in(&backends->list.at[i], subset);
	if (nr)
		c->endpoints = arena_alloc(arena, nr * sizeof(c->endpoints[0]));
	for (size_t i = 0; i < backends->list.nr; i++) {
		const struct backend *b = &backends->list.at[i];
		struct plan_endpoint *e = &c->endpoints[c->nr_endpoints];

		if (!is_in(b, subset))
			continue;
		if (c->nr_endpoints && !endpoint_address_order(e - 1, &b->endpoint))
			continue; /* the same server once more */
		*e = b->endpoint;
		e->name = *e->name ? arena_strdup(arena, e->name) : "";
		e->version = *e->version ? arena_strdup(arena, e->version) : "";
		c->nr_endpoints++;
	}
}

static const char *subset_unknown(struct planner *p, const char *host, const char *subset,
				  const struct rules *rules)
{
	if (!rules->list.nr)
		return arena_printf(p->host->arena, "no subset %s: no DestinationRule for %s",
				    subset, host);
	return arena_printf(p->host->arena, "no subset %s in %s", subset, rules->list.at[0]->id);
}

static void cluster_fill(struct planner *p, struct plan_cluster *c, const struct object *owner,
			 struct policy_choice *choice)
{
	const struct service_port *port = port_find(owner, c->port);
	const struct subset *subset = NULL;
	struct object *rule = NULL;
	struct backends backends;
	struct rules rules;

	rules_of(p, c->host, owner->namespace, &rules);
	policy_choose(&rules, c->port, c->subset, choice);
	c->policy = choice->policy;
	c->max_connections = choice->max_connections;
	if (*c->subset)
		subset = subset_find(&rules, c->subset, &rule);
	if (!port)
		c->unknown = arena_printf(p->host->arena, "no port %u in %s", c->port, owner->id);
	else if (*c->subset && !subset)
		c->unknown = subset_unknown(p, c->host, c->subset, &rules);
	vec_free(&rules.list);
	if (c->unknown)
		return;
	backends_of(p, owner, port, &backends);
	endpoints_take(p, c, &backends, subset);
	if (backends.nr_waiting)
		host_find(p, DIAG_WARNING, &owner->place, owner, "",
			  "port %u: the Pods of some slice endpoints are not known (%zu); these "
			  "endpoints are left out", c->port, backends.nr_waiting);
	vec_free(&backends.list);
}

struct plan_cluster *cluster_build(struct planner *p, const char *host, const char *subset,
				   uint16_t port, uint16_t listener, struct policy_choice *choice)
{
	struct arena *arena = p->host->arena;
	struct plan_cluster *c = arena_alloc(arena, sizeof(*c));
	const struct object *owner = host_owner(p, host);

	memset(choice, 0, sizeof(*choice));
	c->host = arena_strdup(arena, host);
	c->subset = *subset ? arena_strdup(arena, subset) : "";
	c->port = port_of(owner, port, listener);
	if (owner)
		cluster_fill(p, c, owner, choice);
	else
		c->unknown = arena_printf(arena, "no service %s", host);
	return c;
}
