// SPDX-License-Identifier: GPL-2.0
/* Builds the part of a host: what joins it with what is lasting, and what it is found by. */
#include "proxy/part.h"
#include "proxy/balance.h"
#include "proxy/hosts.h"
#include "proxy/lookup.h"
#include "proxy/outlier.h"

/* ---- clusters ---- */

void destination_fill(struct destination *d, struct lasting *all, struct arena *arena,
		      const struct table_cluster *t)
{
	d->table = t;
	d->cluster = cluster_get(&all->clusters, t->name);
	d->endpoints = arena_alloc(arena, t->nr_endpoints * sizeof(d->endpoints[0]));
	for (size_t i = 0; i < t->nr_endpoints; i++)
		d->endpoints[i] = endpoint_get(&all->clusters, d->cluster, &t->endpoints[i].address,
					       t->endpoints[i].port);
	cluster_filled(d->cluster);
	d->balance = balance_new(&all->clusters, d);
	if (t->outlier)
		outlier_watch(&all->watched, d);
}

void destination_give(struct lasting *all, struct destination *d)
{
	if (d->table->outlier)
		outlier_forget(d);
	balance_free(&all->clusters, d, d->balance);
	for (size_t i = 0; i < d->table->nr_endpoints; i++)
		endpoint_put(d->endpoints[i]);
	cluster_put(&all->clusters, d->cluster);
}

/* ---- rules ---- */

/* Copies are counted beside what they are copies of. */
static struct tally *mirror_tally(struct lasting *all, const char *rule,
				  const struct table_mirror *m)
{
	char *name = xasprintf("%s mirror", rule);
	struct tally *t = tally_get(&all->tallies, name, m->cluster->name, m->slot);

	free(name);
	return t;
}

static void route_fill(struct route *out, struct lasting *all, const struct part *p,
		       const struct table_rule *r)
{
	size_t nr = r->nr_splits ? r->nr_splits : 1;

	out->rule = r;
	out->part = p;
	out->turn = turn_get(&all->turns, r);
	out->of_split = arena_alloc(p->arena, nr * sizeof(out->of_split[0]));
	for (size_t i = 0; i < nr; i++)
		out->of_split[i] =
			tally_get(&all->tallies, r->source,
				  r->nr_splits ? r->splits[i].cluster->name : "",
				  r->nr_splits ? r->splits[i].slot : r->slot);
	out->of_mirror = arena_alloc(p->arena, r->nr_mirrors * sizeof(out->of_mirror[0]));
	for (size_t i = 0; i < r->nr_mirrors; i++)
		out->of_mirror[i] = mirror_tally(all, r->source, &r->mirrors[i]);
}

static void route_give(struct lasting *all, const struct route *r)
{
	size_t nr;

	if (!r->rule)
		return;
	nr = r->rule->nr_splits ? r->rule->nr_splits : 1;
	if (r->turn)
		turn_put(&all->turns, r->turn);
	for (size_t i = 0; i < nr; i++)
		tally_put(&all->tallies, r->of_split[i]);
	for (size_t i = 0; i < r->rule->nr_mirrors; i++)
		tally_put(&all->tallies, r->of_mirror[i]);
}

static void regex_hold(const char *text, void *all)
{
	regexes_hold(&((struct lasting *)all)->regexes, text);
}

static void regex_give(const char *text, void *all)
{
	regexes_give(&((struct lasting *)all)->regexes, text);
}

static void port_fill(struct port *out, struct lasting *all, const struct part *p,
		      const struct table_port *t)
{
	out->table = t;
	rules_index(&out->rules, p->arena, t);
	out->routes = arena_alloc(p->arena, (t->nr_rules + 1) * sizeof(out->routes[0]));
	for (size_t i = 0; i < t->nr_rules; i++) {
		route_fill(&out->routes[i], all, p, &t->rules[i]);
		rule_regexes(&t->rules[i], regex_hold, all);
	}
	if (t->bytes)
		route_fill(&out->routes[t->nr_rules], all, p, t->bytes);
	if (t->protocol == TABLE_TCP)
		out->bytes = t->nr_rules ? out->routes : NULL;
	else if (t->bytes)
		out->bytes = &out->routes[t->nr_rules];
}

static void port_give(struct lasting *all, const struct port *p)
{
	for (size_t i = 0; i <= p->table->nr_rules; i++)
		route_give(all, &p->routes[i]);
	for (size_t i = 0; i < p->table->nr_rules; i++)
		rule_regexes(&p->table->rules[i], regex_give, all);
}

const struct route *port_route(const struct port *p, const struct http_request *r,
			       struct regexes *x, const struct http_match **taken,
			       const struct route **limited)
{
	const struct table_rule *rule;
	const struct rules_entry *e = rules_find(&p->rules, r, x, &rule);

	*limited = rule ? &p->routes[rule - p->table->rules] : NULL;
	*taken = e ? e->match : NULL;
	return e ? &p->routes[e->rule - p->table->rules] : NULL;
}

/* ---- what it is found by ---- */

static void names_fill(struct part *p)
{
	size_t nr = 0;

	for (size_t i = 0; i < p->table->nr_ports; i++)
		nr += p->table->ports[i].nr_domains;
	p->names = arena_alloc(p->arena, nr * sizeof(p->names[0]));
	for (size_t i = 0; i < p->table->nr_ports; i++) {
		const struct table_port *t = &p->table->ports[i];

		for (size_t j = 0; j < t->nr_domains; j++)
			p->names[p->nr_names++] =
				(struct host_name){hosts_hash(t->domains[j], t->port),
						   t->domains[j], &p->ports[i]};
	}
}

static void dialled_fill(struct part *p)
{
	const struct table_part *t = p->table;

	p->dialled = arena_alloc(p->arena, t->nr_entries * sizeof(p->dialled[0]));
	for (size_t i = 0; i < t->nr_entries; i++) {
		const struct table_entry *e = &t->entries[i];

		p->dialled[i] = (struct dialled){lookup_hash(&e->address, e->port, e->scope), e,
						 &p->ports[e->at]};
	}
}

/* ---- the part ---- */

struct part *part_new(struct lasting *all, uint64_t id, struct arena *arena,
		      const struct table_part *t)
{
	struct part *p = arena_alloc(arena, sizeof(*p));

	*p = (struct part){.id = id, .arena = arena, .table = t};
	p->destinations = arena_alloc(arena, t->nr_clusters * sizeof(p->destinations[0]));
	for (size_t i = 0; i < t->nr_clusters; i++)
		destination_fill(&p->destinations[i], all, arena, &t->clusters[i]);
	p->ports = arena_alloc(arena, t->nr_ports * sizeof(p->ports[0]));
	for (size_t i = 0; i < t->nr_ports; i++)
		port_fill(&p->ports[i], all, p, &t->ports[i]);
	names_fill(p);
	dialled_fill(p);
	return p;
}

void part_free(struct lasting *all, struct part *p)
{
	for (size_t i = 0; i < p->table->nr_ports; i++)
		port_give(all, &p->ports[i]);
	for (size_t i = 0; i < p->table->nr_clusters; i++)
		destination_give(all, &p->destinations[i]);
	arena_free(p->arena);
}

void part_enter(struct part *p)
{
	for (size_t i = 0; i < p->table->nr_clusters; i++)
		for (size_t j = 0; j < p->table->clusters[i].nr_endpoints; j++)
			endpoint_enter(p->destinations[i].endpoints[j]);
}

void part_leave(struct part *p)
{
	for (size_t i = 0; i < p->table->nr_clusters; i++)
		for (size_t j = 0; j < p->table->clusters[i].nr_endpoints; j++)
			endpoint_leave(p->destinations[i].endpoints[j]);
}
