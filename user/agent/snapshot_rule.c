// SPDX-License-Identifier: GPL-2.0
/* The rules of a port for the proxy. */
#include "agent/snapshot.h"

/* Where they stand. */
struct rules {
	struct snapshot_clusters *clusters;
	const char *host;
};

static void splits_set(const struct rules *at, const struct plan_route *r, struct table_rule *out)
{
	out->nr_splits = r->nr_splits;
	out->splits = arena_alloc(at->clusters->arena, r->nr_splits * sizeof(out->splits[0]));
	for (size_t i = 0; i < r->nr_splits; i++)
		out->splits[i] = (struct table_split){
			.weight = r->splits[i].weight,
			.cluster = snapshot_cluster(at->clusters, r->splits[i].cluster),
			.headers = r->splits[i].headers,
		};
	out->total = r->nr_splits ? r->total : 0;
	out->schedule = r->schedule;
}

/* A copy to nowhere is no copy. */
static void mirrors_set(const struct rules *at, const struct plan_rule *r, struct table_rule *out)
{
	out->mirrors = arena_alloc(at->clusters->arena, r->nr_mirrors * sizeof(out->mirrors[0]));
	for (size_t i = 0; i < r->nr_mirrors; i++) {
		const struct plan_mirror *from = &r->mirrors[i];

		if (from->cluster->unknown || !from->millionths)
			continue;
		out->mirrors[out->nr_mirrors++] = (struct table_mirror){
			.cluster = snapshot_cluster(at->clusters, from->cluster),
			.millionths = from->millionths,
		};
	}
}

static void rule_fill(const struct rules *at, const struct plan_rule *r, struct table_rule *out)
{
	out->name = r->name;
	out->source = r->from.object ? arena_printf(at->clusters->arena, "%s %s",
						    r->from.object->id, r->from.field)
				     : "";
	out->nr_matches = r->nr_matches;
	out->matches = arena_alloc(at->clusters->arena, r->nr_matches * sizeof(out->matches[0]));
	for (size_t i = 0; i < r->nr_matches; i++)
		out->matches[i] = r->matches[i].http;
	splits_set(at, &r->route, out);
	out->redirect = r->redirect;
	out->direct_response = r->direct_response;
	out->rewrite = r->rewrite;
	out->fault = r->fault;
	out->retries = r->retries;
	out->cors = r->cors;
	out->headers = r->headers;
	mirrors_set(at, r, out);
	out->timeout = r->timeout;
}

/* Where a port leads that the plan has no route for: on to the address, or nowhere. */
static void bare_fill(const struct rules *at, const struct plan_port *p, struct table_rule *out)
{
	static const struct load_balancer original = {.simple = LB_PASSTHROUGH};
	struct plan_cluster c = {.host = at->host, .subset = "", .port = p->port, .apart = ""};
	struct plan_split split = {.weight = 1, .cluster = &c};
	struct plan_route route = {.splits = &split, .nr_splits = 1, .total = 1};

	if (p->verdict == VERDICT_UNTOUCHED)
		c.full.blocks.load_balancer = &original;
	else
		c.unknown = *p->refuse_because ? p->refuse_because : p->because;
	out->name = "default";
	out->source = "";
	splits_set(at, &route, out);
}

/* All that comes goes by one route of the port. */
static void plain_fill(const struct rules *at, const struct plan_port *p,
		       const struct plan_route *r, struct table_rule *out)
{
	if (!r->nr_splits) {
		bare_fill(at, p, out);
		return;
	}
	out->name = r->name;
	out->source = r->object;
	splits_set(at, r, out);
}

void snapshot_rules(struct snapshot_clusters *clusters, const char *host, const struct plan_port *p,
		    struct table_port *out)
{
	const struct rules rules = {clusters, host}, *at = &rules;
	struct table_rule *bytes;

	out->nr_rules = p->nr_rules ? p->nr_rules : 1;
	out->rules = arena_alloc(at->clusters->arena, out->nr_rules * sizeof(out->rules[0]));
	for (size_t i = 0; i < p->nr_rules; i++)
		rule_fill(at, &p->rules[i], &out->rules[i]);
	if (!p->nr_rules)
		plain_fill(at, p, &p->route, &out->rules[0]);
	if (out->protocol != TABLE_SNIFFED)
		return;
	bytes = arena_alloc(at->clusters->arena, sizeof(*bytes));
	plain_fill(at, p, p->bytes.nr_splits ? &p->bytes : &p->route, bytes);
	out->bytes = bytes;
}
