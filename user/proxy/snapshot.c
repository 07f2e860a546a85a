// SPDX-License-Identifier: GPL-2.0
/* Joins a table with the state that outlives it. */
#include "proxy/snapshot.h"

static bool weights_equal(const struct table_cluster *c)
{
	for (size_t i = 1; i < c->nr_endpoints; i++)
		if (c->endpoints[i].weight != c->endpoints[0].weight)
			return false;
	return true;
}

static void destination_fill(struct destination *d, struct lasting *all, struct arena *arena,
			     const struct table_cluster *t)
{
	uint32_t sum = 0;

	d->table = t;
	d->cluster = cluster_get(&all->clusters, t->name);
	d->endpoints = arena_alloc(arena, t->nr_endpoints * sizeof(d->endpoints[0]));
	for (size_t i = 0; i < t->nr_endpoints; i++)
		d->endpoints[i] = endpoint_get(&all->clusters, d->cluster, &t->endpoints[i].address,
					       t->endpoints[i].port);
	if (weights_equal(t))
		return;
	d->upto = arena_alloc(arena, t->nr_endpoints * sizeof(d->upto[0]));
	for (size_t i = 0; i < t->nr_endpoints; i++)
		d->upto[i] = sum += t->endpoints[i].weight;
}

static void destination_give(struct destination *d)
{
	for (size_t i = 0; i < d->table->nr_endpoints; i++)
		endpoint_put(d->endpoints[i]);
	cluster_put(d->cluster);
}

static void route_fill(struct route *out, struct lasting *all, struct snapshot *s,
		       const struct table_rule *r)
{
	size_t nr = r->nr_splits ? r->nr_splits : 1;

	out->rule = r;
	out->turn = turn_get(&all->turns, r);
	out->of_split = arena_alloc(s->arena, nr * sizeof(out->of_split[0]));
	for (size_t i = 0; i < nr; i++)
		out->of_split[i] =
			tally_get(&all->tallies, r->source,
				  r->nr_splits ? r->splits[i].cluster->name : "", s->nr_workers);
}

static void routes_fill(struct snapshot *s, struct lasting *all)
{
	const struct table *t = s->table;

	s->routes = arena_alloc(s->arena, t->nr_ports * sizeof(s->routes[0]));
	for (size_t i = 0; i < t->nr_ports; i++) {
		const struct table_port *p = &t->ports[i];

		s->routes[i] = arena_alloc(s->arena, (p->nr_rules + 1) * sizeof(s->routes[i][0]));
		for (size_t j = 0; j < p->nr_rules; j++)
			route_fill(&s->routes[i][j], all, s, &p->rules[j]);
		if (p->bytes)
			route_fill(&s->routes[i][p->nr_rules], all, s, p->bytes);
	}
}

static void passthrough_fill(struct snapshot *s, struct lasting *all)
{
	struct table_cluster *c = arena_alloc(s->arena, sizeof(*c));

	c->name = "PassthroughCluster";
	c->host = c->subset = c->unknown = c->hash_name = c->cookie_path = "";
	c->balancer = BALANCE_ORIGINAL;
	c->connect_timeout = 10 * 1000000000ll;
	destination_fill(&s->passthrough, all, s->arena, c);
	s->passed = tally_get(&all->tallies, "", c->name, s->nr_workers);
	s->none = tally_get(&all->tallies, "", "", s->nr_workers);
}

struct snapshot *snapshot_new(struct lasting *all, struct arena *arena, struct table *t,
			      unsigned nr_workers)
{
	struct snapshot *s = xcalloc(1, sizeof(*s) + nr_workers * sizeof(s->views[0]));

	s->arena = arena;
	s->table = t;
	s->nr_workers = nr_workers;
	s->lookup = lookup_new(t);
	s->destinations = arena_alloc(arena, t->nr_clusters * sizeof(s->destinations[0]));
	for (size_t i = 0; i < t->nr_clusters; i++)
		destination_fill(&s->destinations[i], all, arena, &t->clusters[i]);
	routes_fill(s, all);
	passthrough_fill(s, all);
	atomic_init(&s->users, nr_workers);
	for (unsigned i = 0; i < nr_workers; i++) {
		s->views[i].snapshot = s;
		lookup_regexes(s->lookup, &s->views[i].regexes);
	}
	return s;
}

static void route_give(struct route *r)
{
	size_t nr;

	if (!r->rule)
		return;
	nr = r->rule->nr_splits ? r->rule->nr_splits : 1;
	if (r->turn)
		r->turn->refs--;
	for (size_t i = 0; i < nr; i++)
		r->of_split[i]->refs--;
}

void snapshot_free(struct lasting *all, struct snapshot *s)
{
	const struct table *t = s->table;

	for (size_t i = 0; i < t->nr_ports; i++)
		for (size_t j = 0; j <= t->ports[i].nr_rules; j++)
			route_give(&s->routes[i][j]);
	for (size_t i = 0; i < t->nr_clusters; i++)
		destination_give(&s->destinations[i]);
	destination_give(&s->passthrough);
	s->passed->refs--;
	s->none->refs--;
	turns_sweep(&all->turns);
	tallies_sweep(&all->tallies);
	for (unsigned i = 0; i < s->nr_workers; i++)
		regexes_free(&s->views[i].regexes);
	lookup_free(s->lookup);
	arena_free(s->arena);
	free(s);
}

void snapshot_mark(struct lasting *all, const struct snapshot *s)
{
	const struct strmap_entry *entry, *of;

	strmap_each (&all->clusters.by_name, entry) {
		struct cluster *c = entry->value;

		strmap_each (&c->endpoints, of)
			atomic_store(&((struct endpoint *)of->value)->gone, true);
	}
	for (size_t i = 0; i < s->table->nr_clusters; i++)
		for (size_t j = 0; j < s->table->clusters[i].nr_endpoints; j++)
			atomic_store(&s->destinations[i].endpoints[j]->gone, false);
}

const struct route *snapshot_route(const struct snapshot *s, const struct table_port *p,
				   const struct table_rule *r)
{
	return &s->routes[p - s->table->ports]
			 [r == p->bytes ? p->nr_rules : (size_t)(r - p->rules)];
}

void view_give(struct view *v)
{
	if (!--v->users && v->old)
		atomic_fetch_sub_explicit(&v->snapshot->users, 1, memory_order_release);
}

void view_leave(struct view *v)
{
	v->old = true;
	if (!v->users)
		atomic_fetch_sub_explicit(&v->snapshot->users, 1, memory_order_release);
}
