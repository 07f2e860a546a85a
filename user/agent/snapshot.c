// SPDX-License-Identifier: GPL-2.0
/* Ports of a host, their rules and what is dialled, as the proxy wants them. */
#include <stdlib.h>
#include <string.h>
#include "agent/snapshot.h"

/* A host as some callers see it. */
struct face {
	const struct plan_host *host;
	bool everyone;
	uint32_t *scopes; /* ascending */
	size_t nr_scopes;
	const struct plan_port *ports;
	size_t nr_ports;
	const struct inet *addresses;
	size_t nr_addresses;
};

struct maker {
	const struct plan_host *host;
	const struct snapshot_ground *ground;
	struct arena *arena;
	VEC(struct face) faces;
	struct snapshot_clusters clusters;
	VEC(struct table_port) ports;
	VEC(struct table_entry) entries;
};

static bool is_http(const struct plan_port *p)
{
	return protocol_is_http(p->protocol) || p->protocol == PROTOCOL_AUTO;
}

static bool is_wanted(const struct snapshot_ground *g, const struct plan_port *p)
{
	return is_http(p) && g->dialled[p->port];
}

/* ---- what there is to tell ---- */

static bool dialled_add(struct snapshot_ground *g, const struct plan_port *ports, size_t nr,
			size_t nr_addresses)
{
	bool found = false;

	for (size_t i = 0; nr_addresses && i < nr; i++) {
		if (!plan_port_proxied(&ports[i]) || g->dialled[ports[i].port])
			continue;
		g->dialled[ports[i].port] = found = true;
	}
	return found;
}

bool snapshot_dialled(const struct plan_host *h, struct snapshot_ground *g)
{
	bool found = false;

	if (!h->nr_domains)
		return false; /* another one's alias */
	if (h->visible)
		found = dialled_add(g, h->ports, h->nr_ports, h->nr_addresses);
	for (size_t i = 0; i < h->nr_views; i++) {
		const struct plan_view *v = &h->views[i];

		found |= v->visible && dialled_add(g, v->ports, v->nr_ports, v->nr_addresses);
	}
	return found;
}

static bool any_wanted(const struct snapshot_ground *g, const struct plan_port *ports, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (is_wanted(g, &ports[i]))
			return true;
	return false;
}

bool snapshot_wants(const struct plan_host *h, const struct snapshot_ground *g)
{
	bool wants = any_wanted(g, h->ports, h->nr_ports);

	for (size_t i = 0; i < h->nr_views && !wants; i++)
		wants = any_wanted(g, h->views[i].ports, h->views[i].nr_ports);
	return wants && h->nr_domains;
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

	f->scopes = arena_alloc(m->arena, v->nr_scopes * sizeof(f->scopes[0]));
	for (size_t i = 0; i < v->nr_scopes; i++) {
		f->scopes[nr] = m->ground->scope_number(v->scopes[i], m->ground->arg);
		nr += f->scopes[nr] != 0;
	}
	qsort(f->scopes, nr, sizeof(f->scopes[0]), number_order);
	for (size_t i = 0; i < nr; i++)
		if (!i || f->scopes[i] != f->scopes[i - 1])
			f->scopes[f->nr_scopes++] = f->scopes[i];
}

/* What everyone sees; some that see little else may see the same. */
static void everyone_add(struct maker *m)
{
	const struct plan_host *h = m->host;
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

static void views_add(struct maker *m)
{
	const struct plan_host *h = m->host;

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

/* As many clusters as there can be; most are the same as another one. */
static void clusters_room(struct maker *m)
{
	const struct face *f;
	size_t most = 0;

	vec_each (&m->faces, f)
		for (size_t i = 0; i < f->nr_ports; i++) {
			const struct plan_port *p = &f->ports[i];

			if (!is_wanted(m->ground, p))
				continue;
			most += 2 * p->route.nr_splits + p->bytes.nr_splits + 2;
			for (size_t j = 0; j < p->nr_rules; j++)
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

static void port_add(struct maker *m, const struct face *f, const struct table_port *base,
		     const struct plan_port *p)
{
	struct table_port port = *base;

	port.port = p->port;
	port.protocol = p->protocol == PROTOCOL_AUTO ? TABLE_SNIFFED : TABLE_HTTP;
	if (!port.hidden)
		snapshot_rules(&m->clusters, m->host->host, p, &port);
	if (!port.hidden && p->verdict != VERDICT_UNTOUCHED)
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
		if (!is_wanted(m->ground, &f->ports[i]))
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
		if (is_wanted(m->ground, &h->ports[i]) && !has_port(f, h->ports[i].port))
			port_add(m, f, &base, &h->ports[i]);
}

static void *copy_of(struct arena *a, const void *at, size_t size)
{
	return size ? memcpy(arena_alloc(a, size), at, size) : NULL;
}

struct table_part *snapshot_part(const struct plan_host *h, const struct snapshot_ground *g,
				 struct arena *arena)
{
	struct table_part *out = arena_alloc(arena, sizeof(*out));
	struct maker maker = {.host = h, .ground = g, .arena = arena}, *m = &maker;
	const struct face *f;

	if (h->visible)
		everyone_add(m);
	views_add(m);
	clusters_room(m);
	vec_each (&m->faces, f)
		face_add(m, f);
	out->host = h->host;
	out->clusters = m->clusters.at;
	out->nr_clusters = m->clusters.nr;
	out->ports = copy_of(arena, m->ports.at, m->ports.nr * sizeof(m->ports.at[0]));
	out->nr_ports = m->ports.nr;
	out->entries = copy_of(arena, m->entries.at, m->entries.nr * sizeof(m->entries.at[0]));
	out->nr_entries = m->entries.nr;
	snapshot_clusters_free(&m->clusters);
	vec_free(&m->faces);
	vec_free(&m->ports);
	vec_free(&m->entries);
	return out;
}

/* ---- scopes ---- */

static int scope_order(const void *a, const void *b)
{
	return number_order(&((const struct table_scope *)a)->number,
			    &((const struct table_scope *)b)->number);
}

void snapshot_scopes(const struct plan *plan, const struct snapshot_ground *g, struct arena *arena,
		     struct table *out)
{
	const struct strmap_entry *e;

	out->nr_scopes = 0;
	out->scopes = arena_alloc(arena, plan->scopes.nr * sizeof(out->scopes[0]));
	strmap_each (&plan->scopes, e) {
		const struct plan_scope *s = e->value;
		struct table_scope scope = {g->scope_number(s->key, g->arg), s->closed,
					    s->registry_only};

		if (scope.number && (s->closed || s->registry_only))
			out->scopes[out->nr_scopes++] = scope;
	}
	qsort(out->scopes, out->nr_scopes, sizeof(out->scopes[0]), scope_order);
}
