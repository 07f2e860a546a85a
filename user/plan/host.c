// SPDX-License-Identifier: GPL-2.0
/* One host's part of the plan: its owner, its addresses, its ports and what is odd about them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"

#define SERVICE_SUFFIX ".svc." CLUSTER_DOMAIN

const char *service_host(const struct object *service, char out[INDEX_KEY])
{
	snprintf(out, INDEX_KEY, "%s.%s" SERVICE_SUFFIX, service->name, service->namespace);
	return out;
}

const struct service_port *owner_ports(const struct object *owner, size_t *nr)
{
	if (owner->kind == KIND_SERVICE) {
		*nr = owner->service.nr_ports;
		return owner->service.ports;
	}
	*nr = owner->service_entry.nr_ports;
	return owner->service_entry.ports;
}

static struct object *service_of(const struct config_set *set, const char *host)
{
	size_t length = strlen(host), suffix = strlen(SERVICE_SUFFIX);
	char name[INDEX_KEY], *dot;

	if (length <= suffix || length >= sizeof(name) ||
	    strcmp(host + length - suffix, SERVICE_SUFFIX))
		return NULL;
	memcpy(name, host, length - suffix);
	name[length - suffix] = '\0';
	dot = strchr(name, '.');
	if (!dot)
		return NULL;
	*dot = '\0';
	return config_set_get(set, KIND_SERVICE, dot + 1, name);
}

struct object *host_owner(const struct planner *p, const char *host)
{
	struct object *o, *first = service_of(p->set, host);
	const struct bag *bag;

	if (first)
		return first;
	bag = strmap_get(&p->index->entries, host);
	bag_each(bag, o)
		if (!first || object_order(o, first) < 0)
			first = o;
	return first;
}

void host_use(struct planner *p, struct object *o)
{
	for (size_t i = 0; i < p->host->used.nr; i++)
		if (p->host->used.at[i] == o)
			return;
	vec_push(&p->host->used, object_get(o));
}

/* Several ports can run into the same thing; it is said once. */
static bool is_found(const struct diags *findings, const char *path, const char *text)
{
	for (size_t i = 0; i < findings->list.nr; i++)
		if (!strcmp(findings->list.at[i].path, path) &&
		    !strcmp(findings->list.at[i].text, text))
			return true;
	return false;
}

void host_find(struct planner *p, enum diag_level level, const struct place *place,
	       const struct object *o, const char *field, const char *format, ...)
{
	char *path = *field ? xasprintf("%s: %s", o->id, field) : xstrdup(o->id);
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	if (!is_found(&p->host->findings, path, text))
		diag_add(&p->host->findings, level, place, path, "%s", text);
	free(text);
	free(path);
}

/* ---- addresses ---- */

static void addresses_allocate(struct planner *p)
{
	struct plan_host *h = p->host;
	struct inet *at = arena_alloc(h->arena, 2 * sizeof(*at));

	if (addresses_of(p->addresses, h->host, &at[0], &at[1])) {
		host_find(p, DIAG_WARNING, &p->owner->place, p->owner, "",
			  "gets no address: all of 240.240.0.0/16 are taken");
		return;
	}
	h->addresses = at;
	h->nr_addresses = 2;
	h->allocated = true;
}

static void addresses_set(struct planner *p)
{
	struct plan_host *h = p->host;
	const struct inet *from;

	if (p->owner->kind == KIND_SERVICE) {
		if (p->owner->service.headless || p->owner->service.external_name)
			return;
		from = p->owner->service.addresses;
		h->nr_addresses = p->owner->service.nr_addresses;
	} else {
		from = p->owner->service_entry.addresses;
		h->nr_addresses = p->owner->service_entry.nr_addresses;
		if (!h->nr_addresses && (p->owner->service_entry.resolution != RESOLUTION_STATIC ||
					 h->host[0] == '*'))
			return;
	}
	if (!h->nr_addresses) {
		addresses_allocate(p);
		return;
	}
	h->addresses = arena_alloc(h->arena, h->nr_addresses * sizeof(*from));
	memcpy(h->addresses, from, h->nr_addresses * sizeof(*from));
}

/* ---- ports ---- */

/* Why connections to any port of the owner pass as dialled; NULL: they are steered. */
static const char *untouched_because(const struct object *owner)
{
	if (owner->kind == KIND_SERVICE)
		return owner->service.external_name ? "spec.type: ExternalName is not in force"
		       : owner->service.headless    ? "headless: spec.clusterIP is None"
						    : NULL;
	switch (owner->service_entry.resolution) {
	case RESOLUTION_NONE:
		return "spec.resolution: NONE is not in force";
	case RESOLUTION_DNS:
		return "spec.resolution: DNS is not in force";
	default:
		return NULL;
	}
}

static void loopback_check(struct planner *p, struct plan_port *port)
{
	for (size_t i = 0; i < port->route.nr_splits && !port->host_only; i++) {
		const struct plan_cluster *c = port->route.splits[i].cluster;

		for (size_t j = 0; j < c->nr_endpoints && !port->host_only; j++)
			port->host_only = (c->endpoints[j].has_ipv4 &&
					   inet_is_loopback(&c->endpoints[j].ipv4)) ||
					  (c->endpoints[j].has_ipv6 &&
					   inet_is_loopback(&c->endpoints[j].ipv6));
	}
	if (port->host_only)
		host_find(p, DIAG_WARNING, &p->owner->place, p->owner, "",
			  "has loopback endpoints: it is reachable from the host only");
}

static void port_build(struct planner *p, const struct service_port *from,
		       const struct object *vs, const char *because)
{
	struct plan_port *out = &p->host->ports[p->host->nr_ports];

	if (from->protocol == PROTOCOL_UDP) {
		host_find(p, DIAG_NOTICE, &p->owner->place, p->owner, "",
			  "UDP port %u is left out: UDP is not in force yet", from->port);
		return;
	}
	if (port_is_claimed(p, from))
		return;
	p->host->nr_ports++;
	out->port = from->port;
	out->name = from->name;
	out->protocol = from->protocol;
	out->because = because ? because : "";
	out->verdict = because ? VERDICT_UNTOUCHED : VERDICT_KERNEL;
	out->route.name = "default";
	out->route.object = "";
	if (!because) {
		route_build(p, out, vs);
		loopback_check(p, out);
	}
}

/* ---- what concerns the host ---- */

static void laters_set(struct planner *p)
{
	struct plan_host *h = p->host;
	size_t nr = 0;

	for (size_t i = 0; i < h->used.nr; i++)
		nr += h->used.at[i]->nr_later;
	h->laters = arena_alloc(h->arena, nr * sizeof(h->laters[0]));
	h->later_ids = arena_alloc(h->arena, nr * sizeof(h->later_ids[0]));
	for (size_t i = 0; i < h->used.nr; i++) {
		const struct object *o = h->used.at[i];

		for (size_t j = 0; j < o->nr_later; j++) {
			h->laters[h->nr_laters] = &o->later[j];
			h->later_ids[h->nr_laters++] = o->id;
		}
	}
}

static int age_order(const void *a, const void *b)
{
	return object_order(*(struct object *const *)a, *(struct object *const *)b);
}

/* A wildcard's VirtualServices meet every host it covers, so that only some are named each time. */
#define OTHERS_NAMED 8

static void others_check(struct planner *p, const struct bag *all, const struct object *vs)
{
	VEC(struct object *) others = {0};
	struct object *o, **other;

	bag_each(all, o)
		if (o != vs)
			vec_push(&others, o);
	if (others.nr > 1)
		qsort(others.at, others.nr, sizeof(others.at[0]), age_order);
	vec_each(&others, other) {
		if (i_other == OTHERS_NAMED) {
			host_find(p, DIAG_WARNING, &vs->place, vs, "spec.hosts",
				  "and %zu more VirtualServices of %s are passed over",
				  others.nr - OTHERS_NAMED, p->host->host);
			break;
		}
		host_find(p, DIAG_WARNING, &(*other)->place, *other, "spec.hosts",
			  "%s is already routed by %s; this one is passed over for it",
			  p->host->host, vs->id);
	}
	vec_free(&others);
}

/* Another ServiceEntry with the host of p->owner, which is passed over for it. */
static void entry_check(struct planner *p, const struct object *o)
{
	char field[64];

	for (size_t i = 0; i < o->service_entry.nr_hosts; i++) {
		if (strcmp(o->service_entry.hosts[i], p->host->host))
			continue;
		snprintf(field, sizeof(field), "spec.hosts[%zu]", i);
		host_find(p, DIAG_WARNING, &o->place, o, field,
			  "host %s is already defined by %s; this one is passed over",
			  p->host->host, p->owner->id);
	}
}

static void entries_check(struct planner *p)
{
	const struct bag *bag = strmap_get(&p->index->entries, p->host->host);
	VEC(struct object *) others = {0};
	struct object *o, **other;

	bag_each(bag, o)
		if (o != p->owner)
			vec_push(&others, o);
	if (others.nr > 1)
		qsort(others.at, others.nr, sizeof(others.at[0]), age_order);
	vec_each(&others, other)
		entry_check(p, *other);
	vec_free(&others);
}

static bool subset_has_endpoint(const struct backends *backends, const struct subset *s)
{
	for (size_t i = 0; i < backends->list.nr; i++)
		if (!s->labels.nr || (backends->list.at[i].labels &&
				      labels_contain(backends->list.at[i].labels, &s->labels)))
			return true;
	return false;
}

/* Subsets of rules for this very host; those of a wildcard may be meant for other hosts. */
static void subsets_check(struct planner *p, const struct rules *rules)
{
	size_t nr;
	const struct service_port *ports = owner_ports(p->owner, &nr);
	struct backends backends;
	struct object **o;

	for (; nr && ports->protocol == PROTOCOL_UDP; nr--)
		ports++; /* UDP ports have no backends here */
	if (!nr || !rules->list.nr || rules->list.at[0]->destination_rule.host[0] == '*')
		return;
	backends_of(p, p->owner, ports, &backends);
	vec_each(&rules->list, o) {
		const struct destination_rule *dr = &(*o)->destination_rule;
		char field[64];

		for (size_t i = 0; i < dr->nr_subsets; i++) {
			snprintf(field, sizeof(field), "spec.subsets[%zu]", i);
			if (!subset_has_endpoint(&backends, &dr->subsets[i]))
				host_find(p, DIAG_WARNING, &dr->subsets[i].place, *o, field,
					  "no ready endpoint of %s is in subset %s",
					  p->host->host, dr->subsets[i].name);
		}
	}
	vec_free(&backends.list);
}

/* Routes that are in force, but of another protocol or port than all that the host has. */
static void routes_check(struct planner *p, const struct object *vs)
{
	if (vs->virtual_service.http_later || vs->virtual_service.tcp_later ||
	    vs->virtual_service.tls_later || !p->host->nr_ports)
		return;
	for (size_t i = 0; i < p->host->nr_ports; i++)
		if (!strcmp(p->host->ports[i].route.object, vs->id))
			return;
	host_find(p, DIAG_WARNING, &vs->place, vs, "",
		  "none of its routes takes a port of %s, which stays the plain service",
		  p->host->host);
}

static struct object *concerns_set(struct planner *p)
{
	const struct bag *all = NULL;
	struct object **o, *vs = routes_owner(p, p->host->host, &all);
	struct rules rules;

	host_use(p, (struct object *)p->owner);
	if (vs)
		host_use(p, vs);
	rules_of(p, p->host->host, p->owner->namespace, &rules);
	vec_each(&rules.list, o)
		host_use(p, *o);
	laters_set(p);
	others_check(p, all, vs);
	entries_check(p);
	subsets_check(p, &rules);
	vec_free(&rules.list);
	return vs;
}

/* ---- the host ---- */

struct plan_host *host_build(struct planner *from, const char *host)
{
	struct planner p = *from;
	const struct service_port *ports;
	const char *because;
	struct object *vs;
	size_t nr;

	p.owner = host_owner(from, host);
	if (!p.owner)
		return NULL;
	p.host = xcalloc(1, sizeof(*p.host));
	p.host->refs = 1;
	p.host->arena = arena_new();
	p.host->host = arena_strdup(p.host->arena, host);
	p.host->id = p.owner->id;
	vs = concerns_set(&p);
	addresses_set(&p);
	because = untouched_because(p.owner);
	if (p.owner->kind == KIND_SERVICE && p.owner->service.external_name)
		host_find(&p, DIAG_NOTICE, &p.owner->place, p.owner, "spec.type",
			  "ExternalName is not in force: connections pass untouched");
	ports = owner_ports(p.owner, &nr);
	p.host->ports = arena_alloc(p.host->arena, nr * sizeof(p.host->ports[0]));
	for (size_t i = 0; i < nr; i++)
		port_build(&p, &ports[i], vs, because);
	if (vs && !because)
		routes_check(&p, vs);
	return p.host;
}

struct plan_host *host_get(struct plan_host *h)
{
	h->refs++;
	return h;
}

void host_put(struct plan_host *h)
{
	if (--h->refs)
		return;
	for (size_t i = 0; i < h->used.nr; i++)
		object_put(h->used.at[i]);
	vec_free(&h->used);
	diags_free(&h->findings);
	arena_free(h->arena);
	free(h);
}
