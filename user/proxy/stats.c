// SPDX-License-Identifier: GPL-2.0
/* Prints the counts of routes and destinations. */
#include "proxy/stats.h"
#include <errno.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "proxy/flags.h"
#include "proxy/journal.h"
#include "proxy/proxy.h"

static void count_add(json_t *to, const char *name, uint64_t n)
{
	json_object_set_new(to, name, json_integer((json_int_t)n));
}

static json_t *flags_json(const struct requests *n)
{
	json_t *out = json_object();

	for (unsigned i = 0; i < NR_FLAGS; i++)
		if ((&n->flag_UH)[i])
			count_add(out, flag_name(i), (&n->flag_UH)[i]);
	return out;
}

static json_t *classes_json(const struct requests *n)
{
	static const char *const names[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
	json_t *out = json_object();

	for (unsigned i = 0; i < 6; i++)
		if ((&n->status_none)[i])
			count_add(out, names[i], (&n->status_none)[i]);
	return out;
}

/* Without an agent, who else reads its map. */
static json_t *tally_json(const struct tally *t)
{
	struct requests n;
	json_t *out = json_object();

	tally_sum(t, &n);
	json_object_set_new(out, "rule", json_string(t->rule));
	json_object_set_new(out, "cluster", json_string(t->cluster));
	count_add(out, "requests", n.requests);
	count_add(out, "retries", n.retries);
	count_add(out, "regex_limits", n.regex_limits);
	count_add(out, "bytes_received", n.bytes_received);
	count_add(out, "bytes_sent", n.bytes_sent);
	json_object_set_new(out, "responses", classes_json(&n));
	json_object_set_new(out, "flags", flags_json(&n));
	return out;
}

/* Time of day, in seconds. */
static double until(int64_t then)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return (double)wall.tv_sec + (double)wall.tv_nsec / 1e9 +
	       (double)(then - monotonic_now()) / 1e9;
}

static json_t *endpoint_json(const struct endpoint *e)
{
	int64_t ejected = atomic_load(&e->ejected_until);
	char text[INET_TEXT + 8];
	json_t *out = json_object();

	json_object_set_new(out, "address",
			    json_string(inet_print_port(&e->address, e->port, text)));
	count_add(out, "active", atomic_load(&e->active));
	json_object_set_new(out, "ejected", json_boolean(ejected));
	if (ejected)
		json_object_set_new(out, "ejected_until", json_real(until(ejected)));
	count_add(out, "ejections", atomic_load(&e->ejections));
	return out;
}

static json_t *cluster_json(const struct cluster *c)
{
	json_t *out = json_object(), *endpoints = json_array();
	const struct strmap_entry *entry;

	json_object_set_new(out, "name", json_string(c->name));
	count_add(out, "connections", atomic_load(&c->connections));
	count_add(out, "pending", atomic_load(&c->pending));
	count_add(out, "requests", atomic_load(&c->requests));
	count_add(out, "retries", atomic_load(&c->retries));
	strmap_each (&c->endpoints, entry)
		json_array_append_new(endpoints, endpoint_json(entry->value));
	json_object_set_new(out, "endpoints", endpoints);
	return out;
}

unsigned proxy_clients(const struct proxy *p)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < p->nr_workers; i++)
		nr += atomic_load_explicit(&p->workers[i].nr_clients, memory_order_relaxed);
	return nr;
}

static uint64_t accepts_failed(const struct proxy *p)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < p->nr_workers; i++)
		nr += atomic_load_explicit(&p->workers[i].accepts_failed, memory_order_relaxed);
	return nr;
}

static json_t *stats_json(const struct proxy *p)
{
	json_t *out = json_object(), *routes = json_array(), *clusters = json_array();
	const struct strmap_entry *e;

	strmap_each (&p->lasting.tallies.all, e)
		if (!p->lasting.tallies.shared)
			json_array_append_new(routes, tally_json(e->value));
	strmap_each (&p->lasting.clusters.by_name, e)
		json_array_append_new(clusters, cluster_json(e->value));
	count_add(out, "plan", p->snapshots ? p->snapshots->number : 0);
	count_add(out, "workers", p->nr_workers);
	count_add(out, "connections", proxy_clients(p));
	count_add(out, "accepts_failed", accepts_failed(p));
	count_add(out, "memory_bytes", atomic_load(&p->memory.used));
	count_add(out, "memory_limit_bytes", p->memory.limit);
	count_add(out, "log_lines_lost", journal_lost(p));
	json_object_set_new(out, "routes", routes);
	json_object_set_new(out, "clusters", clusters);
	return out;
}

int stats_dump(const json_t *json)
{
	int fd = memfd_create("shunt-stats", MFD_CLOEXEC);

	if (fd == -1)
		return -errno;
	if (!json_dumpfd(json, fd, JSON_COMPACT) && lseek(fd, 0, SEEK_SET) != -1)
		return fd;
	close(fd);
	return -EIO;
}

int stats_memfd(const struct proxy *p)
{
	json_t *stats = stats_json(p);
	int fd = stats_dump(stats);

	json_decref(stats);
	return fd;
}
