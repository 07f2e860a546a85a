// SPDX-License-Identifier: GPL-2.0
/* Why a destination is what it is: its DestinationRules, its policy block by block, its endpoints.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/explain.h"
#include "plan/text.h"

#define ENDPOINTS_SHOWN 4
#define SECOND INT64_C(1000000000)

/* ---- rules ---- */

static bool is_among(const struct rules *rules, const struct object *o)
{
	for (size_t i = 0; i < rules->list.nr; i++)
		if (rules->list.at[i] == o)
			return true;
	return false;
}

/* Whether rules of the namespace are looked at for the host. */
static bool is_looked_in(const struct telling *t, const char *namespace, const char *host)
{
	const struct object *owner = host_owner(&t->planner, host);

	return !strcmp(namespace, caller_namespace(&t->planner)) ||
	       !strcmp(namespace, ROOT_NAMESPACE) ||
	       (owner && !strcmp(namespace, owner->namespace));
}

/* Why a rule that covers the host does not count. */
static const char *passed_over_because(const struct telling *t, const struct rules *rules,
				       const struct object *o, const char *host)
{
	const struct planner *p = &t->planner;
	struct arena *a = t->scratch.arena;
	const struct object *counts = rules->list.nr ? rules->list.at[0] : NULL;

	if (!object_is_visible(o, caller_namespace(p)))
		return "it is not exported to the caller's namespace";
	if (o->destination_rule.has_workload_selector &&
	    !labels_contain(caller_labels(p), &o->destination_rule.workload_selector))
		return "its workloadSelector selects other callers";
	if (!counts && is_looked_in(t, o->namespace, host))
		return "a rule that is looked at before hides it, though it is not for the caller";
	if (!counts)
		return "it stands neither in the namespace of the caller, nor of the host, nor "
		       "in " ROOT_NAMESPACE;
	if (strcmp(counts->destination_rule.host, o->destination_rule.host) &&
	    !strcmp(counts->namespace, o->namespace))
		return arena_printf(a, "%s has the more specific host", counts->id);
	return arena_printf(a, "%s goes first", counts->id);
}

static void rule_tell(struct telling *t, const struct rules *rules, const struct object *o,
		      const char *host)
{
	char *key = xasprintf("%s %s", o->id, host);

	if (!strmap_put(&t->told, key, (void *)o)) {
		if (is_among(rules, o))
			step(t, OUTCOME_APPLIES, o, "spec.host", &o->place, "%s counts for %s",
			     o->id, host);
		else
			step(t, OUTCOME_PASSED_OVER, o, "spec.host", &o->place,
			     "%s is passed over: %s", o->id,
			     passed_over_because(t, rules, o, host));
	}
	free(key);
}

/* All rules that cover a host, each told of once though several destinations depend on it. */
static void rules_tell(struct telling *t, const struct rules *rules, const char *host)
{
	const struct plan_index *x = t->planner.index;
	const struct bag *bag;
	struct object *o;
	size_t at = 0;

	while ((bag = index_cover(&x->rules, x->nr_wild_rules, host, &at)))
		bag_each(bag, o) rule_tell(t, rules, o, host);
}

/* ---- one destination ---- */

static const char *endpoints_text(struct telling *t, const struct plan_cluster *c)
{
	const char *text = arena_printf(t->scratch.arena, "%zu endpoint%s", c->nr_endpoints,
					c->nr_endpoints == 1 ? "" : "s");
	char address[INET_TEXT + 8];

	for (size_t i = 0; i < c->nr_endpoints && i < ENDPOINTS_SHOWN; i++) {
		const struct plan_endpoint *e = &c->endpoints[i];
		const char *at = *e->dns_name ? e->dns_name :
						inet_print_port(e->has_ipv4 ? &e->ipv4 : &e->ipv6,
								e->port, address);

		text = arena_printf(t->scratch.arena, "%s%s %s", text, i ? "," : ":", at);
	}
	if (c->nr_endpoints > ENDPOINTS_SHOWN)
		text = arena_printf(t->scratch.arena, "%s and %zu more", text,
				    c->nr_endpoints - ENDPOINTS_SHOWN);
	return text;
}

static void subset_tell(struct telling *t, const struct rules *rules, const char *name)
{
	struct object *rule;
	const struct subset *s = *name ? subset_find(rules, name, &rule) : NULL;
	const char *labels = "";
	char field[48];

	if (!s)
		return;
	for (size_t i = 0; i < s->labels.nr; i++)
		labels = arena_printf(t->scratch.arena, "%s%s%s=%s", labels, i ? "," : "",
				      s->labels.at[i].key, s->labels.at[i].value);
	snprintf(field, sizeof(field), "spec.subsets[%zu]",
		 (size_t)(s - rule->destination_rule.subsets));
	step(t, OUTCOME_APPLIES, rule, field, &s->place, "%s is what has the labels %s", name,
	     *labels ? labels : "of the service");
}

/* Each block that is set says who set it. */
static void policy_tell_blocks(struct telling *t, const struct plan_policy *p)
{
	const struct traffic_policy *b = &p->blocks;
	const struct plan_policy each[NR_BLOCKS] = {
		[BLOCK_LOAD_BALANCER].blocks.load_balancer = b->load_balancer,
		[BLOCK_CONNECTION_POOL].blocks.connection_pool = b->connection_pool,
		[BLOCK_OUTLIER_DETECTION].blocks.outlier_detection = b->outlier_detection,
		[BLOCK_TLS].blocks.tls = b->tls,
		[BLOCK_TUNNEL].blocks.tunnel = b->tunnel,
		[BLOCK_PROXY_PROTOCOL].blocks.proxy_protocol = b->proxy_protocol,
		[BLOCK_RETRY_BUDGET].blocks.retry_budget = b->retry_budget,
	};

	for (int i = 0; i < NR_BLOCKS; i++) {
		char *text = policy_text(&each[i]);

		if (*text)
			step_at(t, OUTCOME_APPLIES, &p->from[i], "%s by %s", text,
				p->from[i].field);
		free(text);
	}
}

static void affinity_tell(struct telling *t, const struct plan_cluster *c, const struct object *owner)
{
	char time[32];

	if (c->affinity && strcmp(t->what, "requests"))
		step(t, OUTCOME_APPLIES, owner, "spec.sessionAffinity", &owner->place,
		     "a caller keeps its endpoint while it comes back within %s, by "
		     "spec.sessionAffinity", duration_print(c->affinity * SECOND, time));
}

static void limit_tell(struct telling *t, const struct plan_cluster *c)
{
	if (c->max_connections)
		step_at(t, OUTCOME_APPLIES, &c->full.from[BLOCK_CONNECTION_POOL],
			"at most %u connections at a time per node", c->max_connections);
}

static void unknown_tell(struct telling *t, const char *share, const char *why)
{
	step_note(t, OUTCOME_REFUSED, "%s of the %s are %s: %s", share, t->what,
		  strcmp(t->what, "requests") ? "refused" : "answered 503", why);
}

static void cluster_tell(struct telling *t, const struct plan_split *s, uint32_t total)
{
	const struct plan_cluster *c = s->cluster;
	const struct object *owner = host_owner(&t->planner, c->host);
	const struct plan_source *by = &c->full.from[BLOCK_LOAD_BALANCER];
	struct rules rules = {0};
	char share[32] = "all";

	if (s->weight != total)
		share_print(s->weight, total, share);
	if (owner)
		rules_of(&t->planner, c->host, owner->namespace, &rules);
	if (owner)
		rules_tell(t, &rules, c->host);
	if (c->unknown || !owner) {
		unknown_tell(t, share, c->unknown ? c->unknown : "no such service");
	} else if (!c->nr_endpoints && c->policy != POLICY_PASSTHROUGH) {
		subset_tell(t, &rules, c->subset);
		unknown_tell(t, share,
			     arena_printf(t->scratch.arena, "%s%s%s:%u has no ready endpoint",
					  c->subset, *c->subset ? " of " : "", c->host, c->port));
	} else {
		subset_tell(t, &rules, c->subset);
		step_at(t, OUTCOME_TAKEN, by, "%s of the %s go to %s%s%s:%u, %s (%s), %s", share,
			t->what, c->subset, *c->subset ? " of " : "", c->host, c->port,
			policy_name(c->policy), by->object ? by->field : "the default",
			endpoints_text(t, c));
		affinity_tell(t, c, owner);
		limit_tell(t, c);
		policy_tell_blocks(t, &c->full);
	}
	vec_free(&rules.list);
}

void split_tell(struct telling *t, const struct plan_route *r)
{
	const struct plan_source nobody = {.field = ""};

	for (size_t i = 0; i < r->nr_splits; i++) {
		const struct plan_split *s = &r->splits[i];

		cluster_tell(t, s, r->total);
		if (s->headers && !strcmp(t->what, "requests"))
			action_tell(t, &(struct plan_rule){.headers = s->headers}, &nobody);
	}
}
