/* SPDX-License-Identifier: GPL-2.0 */
/* Which of a port's records goes on when its plan changes: the same, or one with its position. */
#include <stdio.h>
#include <string.h>
#include "datapath/change.h"

struct port_ref *port_ref_get(struct datapath *dp, const char *host, uint16_t number)
{
	char name[PORT_NAME];
	struct port_ref *port;

	snprintf(name, sizeof(name), "%s|%u", host, number);
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

static bool same_cluster(const struct cluster *a, const struct endpoint *a_endpoints,
			 const struct cluster *b, const struct endpoint *b_endpoints)
{
	struct cluster placed = *b;

	placed.first_endpoint = a->first_endpoint;
	return !memcmp(a, &placed, sizeof(placed)) &&
	       !memcmp(a_endpoints, b_endpoints, b->nr_endpoints * sizeof(*b_endpoints));
}

static bool same_records(const struct datapath *dp, const struct change *c,
			 const struct installed *in)
{
	const struct endpoint *endpoints = c->endpoints;
	const struct route *old = &in->route;

	if (old->nr_clusters != c->route.nr_clusters || old->kind != c->route.kind ||
	    old->flags != c->route.flags)
		return false;
	for (uint32_t i = 0; i < old->nr_clusters; i++) {
		const struct cluster *was = &dp->clusters[old->first_cluster + i];

		if (!same_cluster(was, &dp->endpoints[was->first_endpoint], &c->clusters[i],
				  endpoints))
			return false;
		endpoints += c->clusters[i].nr_endpoints;
	}
	return true;
}

bool changes_equal(const struct change *a, const struct change *b)
{
	const struct endpoint *a_endpoints = a->endpoints, *b_endpoints = b->endpoints;

	if (a->route.nr_clusters != b->route.nr_clusters || a->route.kind != b->route.kind ||
	    a->route.flags != b->route.flags)
		return false;
	for (uint32_t i = 0; i < a->route.nr_clusters; i++) {
		if (!same_cluster(&a->clusters[i], a_endpoints, &b->clusters[i], b_endpoints))
			return false;
		a_endpoints += a->clusters[i].nr_endpoints;
		b_endpoints += b->clusters[i].nr_endpoints;
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
