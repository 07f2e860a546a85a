// SPDX-License-Identifier: GPL-2.0
/* What changes from one plan to another: shares, limits, policies and endpoints, fact by fact. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"

struct fact {
	const char *host;
	uint16_t port;
	char *destination; /* "" of the port itself */
	char *what, *value;
};

/* "port destination what" -> struct fact *, in the order they are found */
struct facts {
	struct strmap map;
};

static void fact_add(struct facts *f, const struct plan_host *h, uint16_t port,
		     const char *destination, const char *what, char *value)
{
	struct fact *fact = xcalloc(1, sizeof(*fact)), *old;
	char *key = xasprintf("%u %s %s", port, destination, what);

	*fact = (struct fact){h->host, port, xstrdup(destination), xstrdup(what), value};
	old = strmap_put(&f->map, key, fact);
	free(key);
	if (!old)
		return;
	free(old->destination);
	free(old->what);
	free(old->value);
	free(old);
}

static void facts_free(struct facts *f)
{
	struct strmap_entry *e;

	strmap_each(&f->map, e) {
		struct fact *fact = e->value;

		free(fact->destination);
		free(fact->what);
		free(fact->value);
		free(fact);
	}
	strmap_free(&f->map);
}

static void endpoint_add(struct facts *f, const struct plan_host *h, uint16_t port,
			 const char *destination, const struct plan_endpoint *e)
{
	char text[INET_TEXT + 8], what[2 * INET_TEXT + 32];
	size_t n = snprintf(what, sizeof(what), "endpoint");

	if (e->has_ipv4)
		n += snprintf(what + n, sizeof(what) - n, " %s",
			      inet_print_port(&e->ipv4, e->port, text));
	if (e->has_ipv6)
		snprintf(what + n, sizeof(what) - n, " %s",
			 inet_print_port(&e->ipv6, e->port, text));
	fact_add(f, h, port, destination, what, xasprintf("weight %u", e->weight));
}

static void split_add(struct facts *f, const struct plan_host *h, uint16_t port,
		      const struct plan_split *s, uint32_t total)
{
	const struct plan_cluster *c = s->cluster;
	char *name = xasprintf("%s%s%s:%u", c->subset, *c->subset ? " " : "", c->host, c->port);
	char share[32], percent[16];

	fact_add(f, h, port, name, "share",
		 xasprintf("%s (%s)", percent_print((double)s->weight / total, percent),
			   share_print(s->weight, total, share)));
	if (c->unknown) {
		fact_add(f, h, port, name, "refused", xstrdup(c->unknown));
	} else {
		fact_add(f, h, port, name, "policy", xstrdup(policy_name(c->policy)));
		if (c->max_connections)
			fact_add(f, h, port, name, "max connections per node",
				 xasprintf("%u", c->max_connections));
	}
	for (size_t i = 0; i < c->nr_endpoints; i++)
		endpoint_add(f, h, port, name, &c->endpoints[i]);
	free(name);
}

static void facts_of(const struct plan_host *h, struct facts *f)
{
	char text[INET_TEXT], what[INET_TEXT + 16];

	memset(f, 0, sizeof(*f));
	for (size_t i = 0; i < h->nr_addresses; i++) {
		snprintf(what, sizeof(what), "address %s", inet_print(&h->addresses[i], text));
		fact_add(f, h, 0, "", what, xstrdup(h->allocated ? "allocated" : "given"));
	}
	for (size_t i = 0; i < h->nr_ports; i++) {
		const struct plan_port *port = &h->ports[i];
		const struct plan_route *r = &port->route;

		fact_add(f, h, port->port, "", "verdict", xstrdup(verdict_name(port->verdict)));
		if (r->nr_splits)
			fact_add(f, h, port->port, "", "route",
				 xasprintf("%s%s%s", r->object, *r->object ? " " : "", r->name));
		for (size_t j = 0; j < r->nr_splits; j++)
			split_add(f, h, port->port, &r->splits[j], r->total);
	}
}

/* ---- walking both plans ---- */

typedef void difference(const struct fact *from, const struct fact *to, void *arg);

static size_t host_diff(const struct plan_host *from, const struct plan_host *to,
			difference *each, void *arg)
{
	struct facts a, b;
	struct strmap_entry *e;
	size_t nr = 0;

	facts_of(from, &a);
	facts_of(to, &b);
	strmap_each(&b.map, e) {
		const struct fact *new = e->value, *old = strmap_get(&a.map, e->key);

		if (old && !strcmp(old->value, new->value))
			continue;
		each(old, new, arg);
		nr++;
	}
	strmap_each(&a.map, e) {
		if (strmap_get(&b.map, e->key))
			continue;
		each(e->value, NULL, arg);
		nr++;
	}
	facts_free(&a);
	facts_free(&b);
	return nr;
}

static size_t plan_differ(const struct plan *from, const struct plan *to, difference *each,
			  void *arg)
{
	struct plan_host **hosts, *other;
	size_t nr, found = 0;

	hosts = plan_sorted(from, &nr);
	for (size_t i = 0; i < nr; i++) {
		struct fact gone = {.host = hosts[i]->host, .destination = "", .what = "service",
				    .value = (char *)hosts[i]->id};

		other = strmap_get(&to->hosts, hosts[i]->host);
		if (!other)
			each(&gone, NULL, arg);
		found += !other ? 1 : other == hosts[i] ? 0 : host_diff(hosts[i], other, each, arg);
	}
	free(hosts);
	hosts = plan_sorted(to, &nr);
	for (size_t i = 0; i < nr; i++) {
		struct fact come = {.host = hosts[i]->host, .destination = "", .what = "service",
				    .value = (char *)hosts[i]->id};

		if (strmap_get(&from->hosts, hosts[i]->host))
			continue;
		each(NULL, &come, arg);
		found++;
	}
	free(hosts);
	return found;
}

static void difference_print(const struct fact *from, const struct fact *to, void *arg)
{
	const struct fact *f = to ? to : from;
	FILE *out = arg;

	fprintf(out, "%c %s", from ? to ? '~' : '-' : '+', f->host);
	if (f->port)
		fprintf(out, ":%u", f->port);
	if (*f->destination)
		fprintf(out, " → %s", f->destination);
	fprintf(out, "  %s: %s", f->what, from ? from->value : to->value);
	if (from && to)
		fprintf(out, " → %s", to->value);
	fputc('\n', out);
}

size_t plan_diff_print(const struct plan *from, const struct plan *to, FILE *out)
{
	return plan_differ(from, to, difference_print, out);
}

static void difference_json(const struct fact *from, const struct fact *to, void *arg)
{
	const struct fact *f = to ? to : from;

	json_array_append_new(arg, json_pack("{s:s, s:i, s:s, s:s, s:s?, s:s?}", "host", f->host,
					     "port", f->port, "destination", f->destination,
					     "what", f->what, "from", from ? from->value : NULL,
					     "to", to ? to->value : NULL));
}

json_t *plan_diff_json(const struct plan *from, const struct plan *to)
{
	json_t *list = json_array();

	plan_differ(from, to, difference_json, list);
	return list;
}
