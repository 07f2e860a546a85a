// SPDX-License-Identifier: GPL-2.0
/* Prints the counts of routes and destinations. */
#include "proxy/stats.h"
#include <errno.h>
#include <jansson.h>
#include <sys/mman.h>
#include <unistd.h>
#include "proxy/proxy.h"

static json_t *count(const atomic_uint_least64_t *n)
{
	return json_integer((json_int_t)atomic_load_explicit(n, memory_order_relaxed));
}

static json_t *flags_json(const struct tally_counts *n)
{
	json_t *out = json_object();

	for (unsigned i = 0; i < NR_FLAGS; i++)
		if (atomic_load_explicit(&n->by_flag[i], memory_order_relaxed))
			json_object_set_new(out, flag_name(i), count(&n->by_flag[i]));
	return out;
}

static json_t *classes_json(const struct tally_counts *n)
{
	static const char *const names[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
	json_t *out = json_object();

	for (unsigned i = 0; i < 6; i++)
		if (atomic_load_explicit(&n->by_class[i], memory_order_relaxed))
			json_object_set_new(out, names[i], count(&n->by_class[i]));
	return out;
}

static json_t *tally_json(const struct tally *t)
{
	struct tally_counts n;
	json_t *out = json_object();

	tally_sum(t, &n);
	json_object_set_new(out, "rule", json_string(t->rule));
	json_object_set_new(out, "cluster", json_string(t->cluster));
	json_object_set_new(out, "requests", count(&n.requests));
	json_object_set_new(out, "retries", count(&n.retries));
	json_object_set_new(out, "bytes_received", count(&n.bytes_received));
	json_object_set_new(out, "bytes_sent", count(&n.bytes_sent));
	json_object_set_new(out, "responses", classes_json(&n));
	json_object_set_new(out, "flags", flags_json(&n));
	return out;
}

static json_t *endpoint_json(const struct endpoint *e)
{
	char text[INET_TEXT + 8];
	json_t *out = json_object();

	json_object_set_new(out, "address",
			    json_string(inet_print_port(&e->address, e->port, text)));
	json_object_set_new(out, "active", json_integer(atomic_load(&e->active)));
	json_object_set_new(out, "ejected", json_boolean(atomic_load(&e->ejected_until)));
	return out;
}

static json_t *cluster_json(const struct cluster *c)
{
	json_t *out = json_object(), *endpoints = json_array();
	const struct strmap_entry *entry;

	json_object_set_new(out, "name", json_string(c->name));
	json_object_set_new(out, "connections", json_integer(atomic_load(&c->connections)));
	json_object_set_new(out, "pending", json_integer(atomic_load(&c->pending)));
	json_object_set_new(out, "requests", json_integer(atomic_load(&c->requests)));
	json_object_set_new(out, "retries", json_integer(atomic_load(&c->retries)));
	strmap_each (&c->endpoints, entry)
		json_array_append_new(endpoints, endpoint_json(entry->value));
	json_object_set_new(out, "endpoints", endpoints);
	return out;
}

static json_t *stats_json(const struct proxy *p)
{
	json_t *out = json_object(), *routes = json_array(), *clusters = json_array();
	const struct strmap_entry *e;
	unsigned connections = 0;

	for (unsigned i = 0; i < p->nr_workers; i++)
		connections +=
			atomic_load_explicit(&p->workers[i].nr_clients, memory_order_relaxed);
	strmap_each (&p->lasting.tallies, e)
		json_array_append_new(routes, tally_json(e->value));
	strmap_each (&p->lasting.clusters.by_name, e)
		json_array_append_new(clusters, cluster_json(e->value));
	json_object_set_new(out, "plan",
			    json_integer(p->snapshots ? p->snapshots->table->number : 0));
	json_object_set_new(out, "workers", json_integer(p->nr_workers));
	json_object_set_new(out, "connections", json_integer(connections));
	json_object_set_new(out, "memory_bytes",
			    json_integer((json_int_t)atomic_load(&p->memory.used)));
	json_object_set_new(out, "routes", routes);
	json_object_set_new(out, "clusters", clusters);
	return out;
}

int stats_memfd(const struct proxy *p)
{
	int fd = memfd_create("shunt-stats", MFD_CLOEXEC), err = 0;
	json_t *stats;

	if (fd == -1)
		return -errno;
	stats = stats_json(p);
	if (json_dumpfd(stats, fd, JSON_COMPACT) || lseek(fd, 0, SEEK_SET) == -1)
		err = -EIO;
	json_decref(stats);
	if (!err)
		return fd;
	close(fd);
	return err;
}
