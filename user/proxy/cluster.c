// SPDX-License-Identifier: GPL-2.0
/* Destinations and their endpoints by name, across tables. */
#include "proxy/cluster.h"
#include <string.h>

struct cluster *cluster_get(struct clusters *all, const char *name)
{
	struct cluster *c = strmap_get(&all->by_name, name);

	if (!c) {
		c = xcalloc(1, sizeof(*c));
		c->name = xstrdup(name);
		strmap_put(&all->by_name, name, c);
	}
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

struct endpoint *endpoint_get(const struct clusters *all, struct cluster *c,
			      const struct inet *address, uint16_t port)
{
	char key[INET_TEXT + 8];
	struct endpoint *e;

	inet_print_port(address, port, key);
	e = strmap_get(&c->endpoints, key);
	if (!e) {
		e = xcalloc(1, sizeof(*e) + all->nr_workers * sizeof(e->idle[0]));
		e->cluster = c;
		e->address = *address;
		e->port = port;
		strmap_put(&c->endpoints, key, e);
	}
	endpoint_hold(e);
	return e;
}

struct endpoint *endpoint_alone(struct cluster *c, const struct inet *address, uint16_t port)
{
	struct endpoint *e = xcalloc(1, sizeof(*e));

	e->cluster = c;
	e->address = *address;
	e->port = port;
	e->alone = true;
	endpoint_hold(e);
	return e;
}

static void endpoints_sweep(struct cluster *c)
{
	struct strmap kept = {0};
	const struct strmap_entry *entry;

	strmap_each (&c->endpoints, entry) {
		struct endpoint *e = entry->value;

		if (atomic_load_explicit(&e->refs, memory_order_acquire)) {
			strmap_put(&kept, entry->key, e);
			continue;
		}
		if (atomic_load(&e->ejected_until))
			atomic_fetch_sub(&c->ejected, 1);
		free(e);
	}
	strmap_free(&c->endpoints);
	c->endpoints = kept;
}

static void cluster_free(struct cluster *c)
{
	strmap_free(&c->endpoints);
	free(c->name);
	free(c);
}

void clusters_sweep(struct clusters *all)
{
	struct strmap kept = {0};
	const struct strmap_entry *entry;

	strmap_each (&all->by_name, entry) {
		struct cluster *c = entry->value;

		endpoints_sweep(c);
		if (c->endpoints.nr || atomic_load_explicit(&c->refs, memory_order_acquire))
			strmap_put(&kept, entry->key, c);
		else
			cluster_free(c);
	}
	strmap_free(&all->by_name);
	all->by_name = kept;
}

void clusters_free(struct clusters *all)
{
	const struct strmap_entry *entry, *of;

	strmap_each (&all->by_name, entry) {
		struct cluster *c = entry->value;

		strmap_each (&c->endpoints, of)
			free(of->value);
		cluster_free(c);
	}
	strmap_free(&all->by_name);
}
