// SPDX-License-Identifier: GPL-2.0
/* Which VirtualService a host has, and how a route is split. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "plan/host.h"
#include "plan/visible.h"

/* ---- the VirtualService ---- */

int routes_rank(const struct planner *p, const struct object *vs)
{
	if (!vs->export_to.given || vs->export_to.all)
		return 2;
	return strcmp(vs->namespace, caller_namespace(p)) != 0;
}

static bool is_before(const struct planner *p, const struct object *a, const struct object *b)
{
	int order = routes_rank(p, a) - routes_rank(p, b);

	return order ? order < 0 : object_order(a, b) < 0;
}

struct object *routes_owner(const struct planner *p, const char *host, const struct bag **all)
{
	struct object *o, *first = NULL;
	const struct bag *bag = NULL;
	size_t step = 0;

	while (!first && (bag = index_cover(&p->index->routes, p->index->nr_wild_routes, host,
					    &step)))
		bag_each(bag, o)
			if (routes_are_for(p, o) && (!first || is_before(p, o, first)))
				first = o;
	if (all)
		*all = bag;
	return first;
}

/* ---- the split ---- */

static uint32_t gcd(uint32_t a, uint32_t b)
{
	return b ? gcd(b, a % b) : a;
}

static void weights_set(struct plan_route *r, const struct destination *destinations, size_t nr)
{
	uint32_t divisor = 0;

	for (size_t i = 0; i < nr; i++)
		divisor = gcd(divisor, destinations[i].weight);
	for (size_t i = 0; i < nr; i++) {
		r->splits[i].weight = nr > 1 ? destinations[i].weight / divisor : 1;
		r->total += r->splits[i].weight;
	}
	/* decoding refuses what is larger, and a delegate's routes stay as they are */
	assert(nr <= SHUNT_MAX_SPLIT && r->total <= SHUNT_MAX_WEIGHT_SUM);
}

static void schedule_set(struct planner *p, struct plan_route *r)
{
	uint32_t weights[SHUNT_MAX_SPLIT];
	uint8_t *picks;

	if (r->nr_splits < 2)
		return;
	for (size_t i = 0; i < r->nr_splits; i++)
		weights[i] = r->splits[i].weight;
	picks = arena_alloc(p->host->arena, r->total);
	schedule_fill(weights, r->nr_splits, picks);
	r->schedule = picks;
}

static void split_check(struct planner *p, const struct plan_route *r, size_t i,
			const struct object *vs, const struct vs_route *route)
{
	const struct plan_split *s = &r->splits[i];
	const char *what = *s->cluster->subset ? s->cluster->subset : s->cluster->host;
	char field[160], share[32];

	snprintf(field, sizeof(field), "%s.route", route->path);
	if (s->cluster->unknown)
		host_find(p, DIAG_WARNING, &route->destinations[i].place, vs, field,
			  "%s; its connections are refused", s->cluster->unknown);
	else if (!s->cluster->nr_endpoints && s->cluster->policy != POLICY_PASSTHROUGH)
		host_find(p, DIAG_WARNING, &route->destinations[i].place, vs, field,
			  "%s has no ready endpoint; its share of %s is refused", what,
			  share_print(s->weight, r->total, share));
}

void split_build(struct planner *p, struct plan_route *out, const struct object *vs,
		 const struct vs_route *route, const struct reach *reach)
{
	struct reach each = *reach;

	each.routed = true;
	each.alone = route->nr_destinations == 1;
	out->name = *route->name ? route->name : route->path;
	out->object = vs->id;
	out->nr_splits = route->nr_destinations;
	out->splits = arena_alloc(p->host->arena, out->nr_splits * sizeof(out->splits[0]));
	weights_set(out, route->destinations, out->nr_splits);
	for (size_t i = 0; i < out->nr_splits; i++) {
		const struct destination *d = &route->destinations[i];

		out->splits[i].cluster = cluster_build(p, d, &each);
		out->splits[i].headers = d->headers;
		split_check(p, out, i, vs, route);
	}
	schedule_set(p, out);
}

void plain_build(struct planner *p, struct plan_route *out, const struct reach *reach)
{
	const struct destination own = {
		.host = p->host->host, .subset = "", .port = reach->listener};
	struct reach alone = *reach;

	alone.routed = false;
	alone.alone = true;
	memset(out, 0, sizeof(*out));
	out->name = "default";
	out->object = "";
	out->splits = arena_alloc(p->host->arena, sizeof(out->splits[0]));
	out->nr_splits = out->total = out->splits[0].weight = 1;
	out->splits[0].cluster = cluster_build(p, &own, &alone);
}
