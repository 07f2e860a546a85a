// SPDX-License-Identifier: GPL-2.0
/* Sums the proxy's counts by destination, and finds what it says of one. */
#include "agent/counts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/agent.h"

static char *to_key(const char *host, uint16_t port, const char *subset)
{
	return xasprintf("%s|%u|%s", host, port, subset);
}

static void requests_add(struct requests *to, const struct requests *from)
{
	uint64_t *sum = (uint64_t *)to;

	for (size_t i = 0; i < sizeof(*to) / sizeof(*sum); i++)
		sum[i] += ((const uint64_t *)from)[i];
}

static void reading_add(const struct requests_reading *r, void *arg)
{
	struct counts *c = arg;
	char *key = to_key(r->name->host, (uint16_t)r->name->port, r->name->subset);
	struct requests *sum = strmap_get(&c->by_to, key);

	vec_push(&c->list, *r);
	if (!sum) {
		sum = xcalloc(1, sizeof(*sum));
		strmap_put(&c->by_to, key, sum);
	}
	requests_add(sum, &r->counts);
	free(key);
}

/* "outbound|9080|v1|reviews.default.svc.cluster.local"; what some callers have of their own goes on
 * "@SCOPE" or "#2". NULL: of no host. */
static char *cluster_key(const char *name)
{
	const char *port = strchr(name, '|'), *subset = port ? strchr(port + 1, '|') : NULL;
	const char *host = subset ? strchr(subset + 1, '|') : NULL;

	if (!host)
		return NULL;
	return xasprintf("%.*s|%.*s|%.*s", (int)strcspn(host + 1, "@#"), host + 1,
			 (int)(subset - port - 1), port + 1, (int)(host - subset - 1), subset + 1);
}

static void cluster_note(struct counts *c, json_t *cluster)
{
	const char *name = json_string_value(json_object_get(cluster, "name"));
	char *key = name ? cluster_key(name) : NULL;
	json_t *list = key ? strmap_get(&c->said, key) : NULL;

	if (key && !list) {
		list = json_array();
		strmap_put(&c->said, key, list);
	}
	if (key)
		json_array_append(list, cluster);
	free(key);
}

void counts_read(struct agent *a, struct counts *out)
{
	const json_t *process;
	json_t *cluster;
	size_t i, j;

	*out = (struct counts){0};
	datapath_requests_each(a->dp, reading_add, out);
	json_array_foreach(a->said, i, process)
		json_array_foreach(json_object_get(process, "clusters"), j, cluster)
			cluster_note(out, cluster);
}

void counts_free(struct counts *c)
{
	struct strmap_entry *e;

	strmap_each(&c->by_to, e)
		free(e->value);
	strmap_each(&c->said, e)
		json_decref(e->value);
	strmap_free(&c->by_to);
	strmap_free(&c->said);
	vec_free(&c->list);
}

const struct requests *counts_to(const struct counts *c, const char *host, uint16_t port,
				 const char *subset)
{
	char *key = to_key(host, port, subset);
	const struct requests *r = strmap_get(&c->by_to, key);

	free(key);
	return r;
}

static const json_t *said_of(const struct counts *c, const char *host, uint16_t port,
			     const char *subset)
{
	char *key = to_key(host, port, subset);
	const json_t *list = strmap_get(&c->said, key);

	free(key);
	return list;
}

json_int_t counts_said(const struct counts *c, const char *host, uint16_t port, const char *subset,
		       const char *member)
{
	const json_t *cluster;
	json_int_t sum = 0;
	size_t i;

	json_array_foreach(said_of(c, host, port, subset), i, cluster)
		sum += json_integer_value(json_object_get(cluster, member));
	return sum;
}

struct endpoint_said counts_endpoint(const struct counts *c, const char *host, uint16_t port,
				     const char *subset, const char *address)
{
	struct endpoint_said out = {0};
	const json_t *cluster, *e;
	size_t i, j;

	json_array_foreach(said_of(c, host, port, subset), i, cluster)
		json_array_foreach(json_object_get(cluster, "endpoints"), j, e) {
			const char *at = json_string_value(json_object_get(e, "address"));
			double until = json_number_value(json_object_get(e, "ejected_until"));
			json_int_t ejections = json_integer_value(json_object_get(e, "ejections"));

			if (!at || strcmp(at, address))
				continue;
			out.active += json_integer_value(json_object_get(e, "active"));
			if (until > out.ejected_until)
				out.ejected_until = until;
			if (ejections > out.ejections)
				out.ejections = ejections;
		}
	return out;
}

static void count_set(json_t *to, const char *name, uint64_t n)
{
	json_object_set_new(to, name, json_integer((json_int_t)n));
}

static json_t *some_json(const char *const *names, const __u64 *counts, unsigned nr)
{
	json_t *out = json_object();

	for (unsigned i = 0; i < nr; i++)
		if (counts[i])
			count_set(out, names[i], counts[i]);
	return out;
}

json_t *requests_json(const struct requests *r)
{
	static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
	static const char *const flags[] = {
#define NAME(name, text) #name,
		SHUNT_FLAGS(NAME)
#undef NAME
	};
	static const struct requests none;
	json_t *out = json_object();

	r = r ? r : &none;
	count_set(out, "requests", r->requests);
	json_object_set_new(out, "responses", some_json(classes, &r->status_none, 6));
	json_object_set_new(out, "flags", some_json(flags, &r->flag_UH, SHUNT_NR_FLAGS));
	count_set(out, "retries", r->retries);
	count_set(out, "regex_limits", r->regex_limits);
	count_set(out, "bytes_received", r->bytes_received);
	count_set(out, "bytes_sent", r->bytes_sent);
	json_object_set_new(out, "duration_seconds", json_real((double)r->duration / 1e9));
	return out;
}
