// SPDX-License-Identifier: GPL-2.0
/* Destinations and their endpoints by name, across tables. */
#include "proxy/cluster.h"
#include <string.h>
#include "proxy/worker.h"

struct cluster *cluster_get(struct clusters *all, const char *name)
{
	struct cluster *c = strmap_get(&all->by_name, name);

	if (!c) {
		c = xcalloc(1, sizeof(*c));
		c->name = xstrdup(name);
		pthread_mutex_init(&c->ejecting, NULL);
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
		e->since = c->filled ? monotonic_now() : 0;
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

void cluster_put(struct clusters *all, struct cluster *c)
{
	atomic_fetch_sub_explicit(&c->refs, 1, memory_order_release);
	if (c->is_worn)
		return;
	c->is_worn = true;
	c->worn = all->worn;
	all->worn = c;
}

void endpoint_enter(struct endpoint *e)
{
	if (!e->named++)
		atomic_store(&e->gone, false);
}

void endpoint_leave(struct endpoint *e)
{
	if (!--e->named)
		atomic_store(&e->gone, true);
}

static void endpoint_free(struct endpoint *e)
{
	if (!endpoint_takes_part(e))
		atomic_fetch_sub(&e->cluster->ejected, 1);
	free(e);
}

/* True: connections hold on to some that no table has, so there will be more to free. */
static bool endpoints_sweep(struct cluster *c)
{
	const struct strmap_entry *entry;
	bool held = false;

	strmap_each (&c->endpoints, entry) {
		struct endpoint *e = entry->value;

		if (atomic_load_explicit(&e->refs, memory_order_acquire)) {
			held |= !e->named;
			continue;
		}
		strmap_remove(&c->endpoints, entry->key);
		endpoint_free(e);
	}
	return held;
}

static void cluster_free(struct cluster *c)
{
	strmap_free(&c->endpoints);
	pthread_mutex_destroy(&c->ejecting);
	free(c->name);
	free(c);
}

/* Those alone that lost something: the others are as they were. */
void clusters_sweep(struct clusters *all)
{
	struct cluster **at = &all->worn;

	while (*at) {
		struct cluster *c = *at;

		if (endpoints_sweep(c)) {
			at = &c->worn;
			continue;
		}
		*at = c->worn;
		c->is_worn = false;
		if (c->endpoints.nr || atomic_load_explicit(&c->refs, memory_order_acquire))
			continue;
		strmap_remove(&all->by_name, c->name);
		cluster_free(c);
	}
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
