/* SPDX-License-Identifier: GPL-2.0 */
/* Which of a port's records goes on when its plan changes: the same, or one with its position. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "datapath/change.h"

struct port_ref *port_ref_get(struct datapath *dp, const char *host, struct port_id id)
{
	char name[PORT_NAME];
	struct port_ref *port;

	snprintf(name, sizeof(name), "%s|%u%s", host, id.number,
		 id.protocol == IPPROTO_UDP ? "/udp" : "");
	port = strmap_get(&dp->ports, name);
	if (!port) {
		port = xcalloc(1, sizeof(*port));
		port->name = xstrdup(name);
		strmap_put(&dp->ports, name, port);
	}
	return port;
}

void port_ref_drop_empty(struct datapath *dp, struct port_ref *port)
{
	if (port->list.nr)
		return;
	strmap_remove(&dp->ports, port->name);
	free(port->name);
	vec_free(&port->list);
	free(port);
}

void port_claim(struct datapath *dp, const struct change *c)
{
	if (dp->last)
		return;
	for (size_t i = 0; i < c->keys.nr; i++) {
		struct key_ref *k = key_ref_find(dp, &c->keys.at[i].key);

		if (!k || k->owner->port)
			continue;
		k->owner->port = c->port;
		vec_push(&c->port->list, k->owner);
	}
}

void ports_disclaim(struct datapath *dp)
{
	struct strmap_entry *e;

	for (size_t i = 0; i < dp->adopted.nr; i++)
		dp->adopted.at[i]->port = NULL;
	strmap_each(&dp->ports, e) {
		struct port_ref *port = e->value;

		port->list.nr = 0;
		port_ref_drop_empty(dp, port);
	}
}

/* The same destinations with the same weights: the position goes on. */
static bool same_split(const struct datapath *dp, const struct change *c,
		       const struct installed *in)
{
	const struct route *old = &in->route;

	if (old->nr_clusters != c->route.nr_clusters || !old->schedule_length)
		return false;
	for (uint32_t i = 0; i < old->nr_clusters; i++) {
		const struct cluster *was = &dp->clusters[old->first_cluster + i];

		if (was->state != c->clusters[i].state || was->weight != c->clusters[i].weight ||
		    was->generation != c->clusters[i].generation)
			return false;
	}
	return true;
}

/* A cluster with all that hangs on it. */
struct parts {
	const struct cluster *cluster;
	const struct pool *pools;
	const struct endpoint *endpoints;
};

static struct parts parts_of(const struct change *c)
{
	return (struct parts){c->clusters, c->pools, c->endpoints};
}

static struct parts parts_in_force(const struct datapath *dp, const struct cluster *c)
{
	return (struct parts){c, &dp->pools[c->first_pool], &dp->endpoints[c->first_endpoint]};
}

/* Of the next cluster of the same change. */
static void parts_go_on(struct parts *p)
{
	p->pools += 2 * p->cluster->nr_levels;
	p->endpoints += p->cluster->nr_endpoints;
	p->cluster++;
}

static bool same_pools(const struct parts *a, const struct parts *b)
{
	for (uint32_t i = 0; i < 2U * a->cluster->nr_levels; i++)
		if (a->pools[i].nr != b->pools[i].nr ||
		    a->pools[i].chart_length != b->pools[i].chart_length)
			return false;
	return true;
}

/* Wherever they are. What is in a chart follows from the rest. */
static bool same_cluster(const struct parts *a, const struct parts *b)
{
	struct cluster placed = *b->cluster;

	placed.first_endpoint = a->cluster->first_endpoint;
	placed.first_pool = a->cluster->first_pool;
	return !memcmp(a->cluster, &placed, sizeof(placed)) && same_pools(a, b) &&
	       !memcmp(a->endpoints, b->endpoints,
		       placed.nr_endpoints * sizeof(*a->endpoints));
}

static bool same_records(const struct datapath *dp, const struct change *c,
			 const struct installed *in)
{
	struct parts new = parts_of(c);
	const struct route *old = &in->route;

	if (old->nr_clusters != c->route.nr_clusters || old->kind != c->route.kind ||
	    old->flags != c->route.flags)
		return false;
	for (uint32_t i = 0; i < old->nr_clusters; i++) {
		struct parts was = parts_in_force(dp, &dp->clusters[old->first_cluster + i]);

		if (!same_cluster(&was, &new))
			return false;
		parts_go_on(&new);
	}
	return true;
}

bool changes_equal(const struct change *a, const struct change *b)
{
	struct parts x = parts_of(a), y = parts_of(b);

	if (a->route.nr_clusters != b->route.nr_clusters || a->route.kind != b->route.kind ||
	    a->route.flags != b->route.flags)
		return false;
	for (uint32_t i = 0; i < a->route.nr_clusters; i++) {
		if (!same_cluster(&x, &y))
			return false;
		parts_go_on(&x);
		parts_go_on(&y);
	}
	return true;
}

static bool shares_key(struct datapath *dp, const struct change *c, const struct installed *in)
{
	for (size_t i = 0; i < c->keys.nr; i++) {
		const struct key_ref *k = key_ref_find(dp, &c->keys.at[i].key);

		if (k && k->owner == in)
			return true;
	}
	return false;
}

/* Best is one that the same callers use now. */
static struct installed *pick(struct datapath *dp, const struct change *c,
			      bool (*fits)(const struct datapath *dp, const struct change *c,
					   const struct installed *in))
{
	struct installed *found = NULL;

	for (size_t i = 0; i < c->port->list.nr; i++) {
		struct installed *in = c->port->list.at[i];

		if (in->wanted == dp->syncs || in->inherited == dp->syncs || !fits(dp, c, in))
			continue;
		if (shares_key(dp, c, in))
			return in;
		found = found ? found : in;
	}
	return found;
}

void change_match_same(struct datapath *dp, struct change *c)
{
	c->in = pick(dp, c, same_records);
	if (!c->in)
		return;
	c->in->wanted = dp->syncs;
	change_drop_refs(dp, c->clusters, c->route.nr_clusters, c->endpoints); /* it has its own */
}

void change_match_before(struct datapath *dp, struct change *c)
{
	c->before = pick(dp, c, same_split);
	if (c->before)
		c->before->inherited = dp->syncs;
}
