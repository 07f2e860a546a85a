// SPDX-License-Identifier: GPL-2.0
/* Ports of a plan, their rules and what is dialled, as the proxy wants them. */
#include <stdlib.h>
#include <string.h>
#include "agent/snapshot.h"

/* A host as some callers see it. */
struct face {
	const struct plan_host *host;
	bool everyone;
	const struct plan_view *view; /* NULL: of no scope alone */
	uint32_t *scopes;	      /* of the view; ascending */
	size_t nr_scopes;
	const struct plan_port *ports;
	size_t nr_ports;
	const struct inet *addresses;
	size_t nr_addresses;
};

struct maker {
	const struct plan *plan;
	struct arena *arena;
	uint32_t (*scope_number)(const char *key, void *arg);
	void *arg;
	VEC(struct face) faces;	      /* those of everyone first, so that they name the clusters */
	bool dialled[UINT16_MAX + 1]; /* port numbers that lead to the proxy somewhere */
	bool *before;		      /* those that did, ever; NULL: nobody asks */
	struct snapshot_clusters clusters;
	VEC(struct table_port) ports;
	VEC(struct table_entry) entries;
};

static bool is_http(const struct plan_port *p)
{
	return protocol_is_http(p->protocol) || p->protocol == PROTOCOL_AUTO;
}

/* A connection that was steered here may live on when its port is the kernel's. */
static bool is_dialled(const struct maker *m, const struct plan_port *p)
{
	return plan_port_proxied(p) ||
	       (m->before && m->before[p->port] && p->verdict != VERDICT_UNTOUCHED);
}

static bool is_wanted(const struct maker *m, const struct plan_port *p)
{
	return is_http(p) && m->dialled[p->port];
}

/* ---- faces ---- */

static int number_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void scopes_set(struct maker *m, struct face *f, const struct plan_view *v)
{
	size_t nr = 0;

	f->view = v;
	f->scopes = arena_alloc(m->arena, v->nr_scopes * sizeof(f->scopes[0]));
	for (size_t i = 0; i < v->nr_scopes; i++) {
		f->scopes[nr] = m->scope_number(v->scopes[i], m->arg);
		nr += f->scopes[nr] != 0;
	}
	qsort(f->scopes, nr, sizeof(f->scopes[0]), number_order);
	for (size_t i = 0; i < nr; i++)
		if (!i || f->scopes[i] != f->scopes[i - 1])
			f->scopes[f->nr_scopes++] = f->scopes[i];
}

/* What everyone sees; some that see little else may see the same. */
static void everyone_add(struct maker *m, const struct plan_host *h)
{
	struct face f = {.host = h,
			 .everyone = true,
			 .ports = h->ports,
			 .nr_ports = h->nr_ports,
			 .addresses = h->addresses,
			 .nr_addresses = h->nr_addresses};

	for (size_t i = 0; i < h->nr_views; i++)
		if (h->views[i].visible && h->views[i].ports == h->ports)
			scopes_set(m, &f, &h->views[i]);
	vec_push(&m->faces, f);
}

static void views_add(struct maker *m, const struct plan_host *h)
{
	for (size_t i = 0; i < h->nr_views; i++) {
		const struct plan_view *v = &h->views[i];
		struct face f = {.host = h};

		if (h->visible && v->visible && v->ports == h->ports)
			continue;
		scopes_set(m, &f, v);
		if (v->visible) {
			f.ports = v->ports;
			f.nr_ports = v->nr_ports;
			f.addresses = v->addresses;
			f.nr_addresses = v->nr_addresses;
		}
		if (f.nr_scopes)
			vec_push(&m->faces, f);
	}
}

static void faces_find(struct maker *m)
{
	size_t nr;
	struct plan_host **hosts = plan_sorted(m->plan, &nr);

	/* a host without names is another one's alias */
	for (size_t i = 0; i < nr; i++)
		if (hosts[i]->visible && hosts[i]->nr_domains)
			everyone_add(m, hosts[i]);
	for (size_t i = 0; i < nr; i++)
		if (hosts[i]->nr_domains)
			views_add(m, hosts[i]);
	free(hosts);
}

static void dialled_find(struct maker *m)
{
	const struct face *f;

	vec_each (&m->faces, f)
		for (size_t i = 0; f->nr_addresses && i < f->nr_ports; i++)
			if (plan_port_proxied(&f->ports[i]))
				m->dialled[f->ports[i].port] = true;
	for (size_t i = 0; m->before && i <= UINT16_MAX; i++)
		m->dialled[i] = m->before[i] |= m->dialled[i];
}

/* As many clusters as there can be; most are the same as another one. */
static void clusters_room(struct maker *m)
{
	const struct face *f;
	size_t most = 0;

	vec_each (&m->faces, f)
		for (size_t i = 0; i < f->nr_ports; i++) {
			const struct plan_port *p = &f->ports[i];

			most += is_wanted(m, p) ? 2 * p->route.nr_splits + 2 : 0;
			for (size_t j = 0; is_wanted(m, p) && j < p->nr_rules; j++)
				most += p->rules[j].route.nr_splits + p->rules[j].nr_mirrors;
		}
	m->clusters.arena = m->arena;
	m->clusters.at = arena_alloc(m->arena, most * sizeof(m->clusters.at[0]));
}

/* ---- ports ---- */

static const char *address_text(struct maker *m, const struct inet *a)
{
	char text[INET_TEXT];

	return arena_printf(m->arena, inet_is_v4(a) ? "%s" : "[%s]", inet_print(a, text));
}

/* Whether the name is an address of the host, as everyone sees it. */
static bool is_address(struct maker *m, const struct plan_host *h, const char *domain)
{
	for (size_t i = 0; i < h->nr_addresses; i++)
		if (!strcmp(address_text(m, &h->addresses[i]), domain))
			return true;
	return false;
}

static bool same_addresses(const struct face *f)
{
	const struct plan_host *h = f->host;

	return f->nr_addresses == h->nr_addresses &&
	       (!h->nr_addresses ||
		!memcmp(f->addresses, h->addresses, h->nr_addresses * sizeof(h->addresses[0])));
}

/* The names of the host, with the addresses that it has for these callers. */
static void domains_find(struct maker *m, const struct face *f, struct table_port *out)
{
	const struct plan_host *h = f->host;

	out->domains = h->domains;
	out->nr_domains = h->nr_domains;
	if (same_addresses(f))
		return;
	out->nr_domains = 0;
	out->domains =
		arena_alloc(m->arena, (h->nr_domains + f->nr_addresses) * sizeof(out->domains[0]));
	for (size_t i = 0; i < h->nr_domains; i++)
		if (!is_address(m, h, h->domains[i]))
			out->domains[out->nr_domains++] = h->domains[i];
	for (size_t i = 0; i < f->nr_addresses; i++)
		out->domains[out->nr_domains++] = address_text(m, &f->addresses[i]);
}

static void entries_add(struct maker *m, const struct face *f, const struct plan_port *p)
{
	struct table_entry e = {.port = p->port, .at = (uint32_t)m->ports.nr};

	for (size_t i = 0; i < f->nr_addresses; i++) {
		e.address = f->addresses[i];
		e.scope = 0;
		if (f->everyone)
			vec_push(&m->entries, e);
		for (size_t j = 0; j < f->nr_scopes; j++) {
			e.scope = f->scopes[j];
			vec_push(&m->entries, e);
		}
	}
}

/* Of what differs for the callers. */
static const char *key_of(const struct face *f)
{
	return f->everyone ? "" : f->view->scopes[0];
}

static void port_add(struct maker *m, const struct face *f, const struct table_port *base,
		     const struct plan_port *p)
{
	struct table_port port = *base;

	port.port = p->port;
	port.protocol = p->protocol == PROTOCOL_AUTO ? TABLE_SNIFFED : TABLE_HTTP;
	if (!port.hidden)
		snapshot_rules(&m->clusters, f->host->host, key_of(f), p, &port);
	if (!port.hidden && is_dialled(m, p))
		entries_add(m, f, p);
	vec_push(&m->ports, port);
}

static bool has_port(const struct face *f, uint16_t number)
{
	for (size_t i = 0; i < f->nr_ports; i++)
		if (f->ports[i].port == number && is_http(&f->ports[i]))
			return true;
	return false;
}

static void face_add(struct maker *m, const struct face *f)
{
	const struct plan_host *h = f->host;
	struct table_port base = {.host = h->host,
				  .everyone = f->everyone,
				  .scopes = f->scopes,
				  .nr_scopes = f->nr_scopes};
	bool found = false;

	for (size_t i = 0; i < f->nr_ports; i++) {
		if (!is_wanted(m, &f->ports[i]))
			continue;
		if (!found)
			domains_find(m, f, &base);
		found = true;
		port_add(m, f, &base, &f->ports[i]);
	}
	base.hidden = true;
	base.domains = h->domains;
	base.nr_domains = h->nr_domains;
	for (size_t i = 0; !f->everyone && h->visible && i < h->nr_ports; i++)
		if (is_wanted(m, &h->ports[i]) && !has_port(f, h->ports[i].port))
			port_add(m, f, &base, &h->ports[i]);
}

/* ---- the table ---- */

static int scope_order(const void *a, const void *b)
{
	return number_order(&((const struct table_scope *)a)->number,
			    &((const struct table_scope *)b)->number);
}

static void scopes_fill(struct maker *m, struct table *out)
{
	const struct strmap_entry *e;

	out->scopes = arena_alloc(m->arena, m->plan->scopes.nr * sizeof(out->scopes[0]));
	strmap_each (&m->plan->scopes, e) {
		const struct plan_scope *s = e->value;
		struct table_scope scope = {m->scope_number(s->key, m->arg), s->closed,
					    s->registry_only};

		if (scope.number && (s->closed || s->registry_only))
			out->scopes[out->nr_scopes++] = scope;
	}
	qsort(out->scopes, out->nr_scopes, sizeof(out->scopes[0]), scope_order);
}

static void *copy_of(struct arena *a, const void *at, size_t size)
{
	return size ? memcpy(arena_alloc(a, size), at, size) : NULL;
}

struct table *snapshot_of(const struct plan *plan, struct arena *arena,
			  uint32_t (*scope_number)(const char *key, void *arg), void *arg,
			  bool *before)
{
	struct table *out = arena_alloc(arena, sizeof(*out));
	struct maker *m = xcalloc(1, sizeof(*m));
	const struct face *f;

	*m = (struct maker){.plan = plan,
			    .arena = arena,
			    .scope_number = scope_number,
			    .arg = arg,
			    .before = before};
	faces_find(m);
	dialled_find(m);
	clusters_room(m);
	vec_each (&m->faces, f)
		face_add(m, f);
	out->number = plan->number;
	out->clusters = m->clusters.at;
	out->nr_clusters = m->clusters.nr;
	out->ports = copy_of(arena, m->ports.at, m->ports.nr * sizeof(m->ports.at[0]));
	out->nr_ports = m->ports.nr;
	out->entries = copy_of(arena, m->entries.at, m->entries.nr * sizeof(m->entries.at[0]));
	out->nr_entries = m->entries.nr;
	scopes_fill(m, out);
	snapshot_clusters_free(&m->clusters);
	vec_free(&m->faces);
	vec_free(&m->ports);
	vec_free(&m->entries);
	free(m);
	return out;
}
