// SPDX-License-Identifier: GPL-2.0
/* Walks the objects behind a host for all that depends on the caller. */
#include <string.h>
#include "plan/asks.h"
#include "plan/locality.h"
#include "plan/visible.h"

static void namespace_ask(struct asks *a, const char *namespace)
{
	strmap_put(&a->namespaces, namespace, a);
}

static void labels_ask(struct asks *a, const char *namespace, const struct labels *labels)
{
	struct asked_labels s = {.namespace = namespace, .labels = labels};

	if (labels->nr)
		vec_push(&a->selectors, s);
}

static bool is_public(const struct object *o)
{
	return !o->export_to.given || o->export_to.all;
}

static void export_ask(struct asks *a, const struct object *o)
{
	for (size_t i = 0; !is_public(o) && i < o->export_to.nr_namespaces; i++)
		namespace_ask(a, o->export_to.namespaces[i]);
}

static void key_ask(void *arg, const char *key)
{
	struct asks *a = arg;

	strmap_put(&a->keys, key, a);
}

/* ---- owners and their DestinationRules ---- */

static bool is_beside(const struct owners *owners, const char *namespace)
{
	for (size_t i = 0; i < owners->list.nr; i++)
		if (strcmp(owners->list.at[i]->namespace, namespace))
			return false;
	return true;
}

/*
 * A rule beside the host or in the root namespace is the same for all callers; one elsewhere is for
 * callers of its own namespace.
 */
static void rule_ask(struct asks *a, const struct object *o, const struct owners *owners)
{
	labels_ask(a, o->namespace, &o->destination_rule.workload_selector);
	locality_keys(o, key_ask, a);
	export_ask(a, o);
	if (!is_public(o) || (strcmp(o->namespace, ROOT_NAMESPACE) &&
			      !is_beside(owners, o->namespace)))
		namespace_ask(a, o->namespace);
}

/* Several objects of one host: each caller's namespace prefers its own. */
static void destination_ask(const struct planner *p, struct asks *a, const char *host,
			    struct owners *owners)
{
	const struct bag *bag;
	struct object *o, **owner;
	size_t step = 0;

	owners_find(p, host, owners);
	vec_each(&owners->list, owner) {
		export_ask(a, *owner);
		locality_keys(*owner, key_ask, a);
		if (owners->list.nr > 1)
			namespace_ask(a, (*owner)->namespace);
	}
	while ((bag = index_cover(&p->index->rules, p->index->nr_wild_rules, host, &step)))
		bag_each(bag, o)
			rule_ask(a, o, owners);
}

/* ---- VirtualServices ---- */

static void target_ask(const struct planner *p, struct asks *a, const char *host)
{
	struct owners owners;

	destination_ask(p, a, host, &owners);
	a->uneven |= owners.list.nr > 1;
	vec_free(&owners.list);
}

static void routes_ask(const struct planner *p, struct asks *a, const struct vs_route *routes,
		       size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		for (size_t j = 0; j < routes[i].nr_matches; j++) {
			if (*routes[i].matches[j].source_namespace)
				namespace_ask(a, routes[i].matches[j].source_namespace);
			labels_ask(a, "*", &routes[i].matches[j].source_labels);
		}
		for (size_t j = 0; j < routes[i].nr_destinations; j++)
			target_ask(p, a, routes[i].destinations[j].host);
		for (size_t j = 0; j < routes[i].nr_mirrors; j++)
			target_ask(p, a, routes[i].mirrors[j].destination.host);
	}
}

static void virtual_service_ask(const struct planner *p, struct asks *a, const struct object *o)
{
	const struct virtual_service *vs = &o->virtual_service;

	routes_ask(p, a, vs->http, vs->nr_http);
	routes_ask(p, a, vs->tls, vs->nr_tls);
	routes_ask(p, a, vs->tcp, vs->nr_tcp);
	for (size_t i = 0; i < vs->nr_http; i++) {
		const struct vs_delegate *d = vs->http[i].delegate;
		const struct object *delegate =
			d ? config_set_get(p->set, KIND_VIRTUAL_SERVICE,
					   *d->namespace ? d->namespace : o->namespace, d->name)
			  : NULL;

		if (delegate)
			routes_ask(p, a, delegate->virtual_service.http,
				   delegate->virtual_service.nr_http);
	}
}

/* ---- others with an address of the host ---- */

/* An address is claimed for a host only by who has that host for the caller. */
static void claimant_ask(const struct planner *p, struct asks *a, const struct object *o)
{
	struct owners owners;
	struct object **owner;

	export_ask(a, o);
	if (o->kind != KIND_SERVICE_ENTRY)
		return;
	a->uneven |= o->service_entry.nr_hosts > 1;
	for (size_t i = 0; i < o->service_entry.nr_hosts; i++) {
		owners_find(p, o->service_entry.hosts[i], &owners);
		vec_each(&owners.list, owner) {
			export_ask(a, *owner);
			if (owners.list.nr > 1)
				namespace_ask(a, (*owner)->namespace);
		}
		vec_free(&owners.list);
	}
}

static void claim_ask(const struct planner *p, struct asks *a, const char *key)
{
	const struct bag *bag = strmap_get(&p->index->claims, key);
	struct object *o;

	a->uneven |= bag && bag->nr > 1;
	bag_each(bag, o)
		claimant_ask(p, a, o);
}

static void claims_ask(const struct planner *p, struct asks *a, const struct object *owner)
{
	size_t nr;
	const struct inet *at = owner_addresses(owner, &nr);
	const struct subnet *subnets;
	char key[INDEX_KEY];

	for (size_t i = 0; i < nr; i++)
		claim_ask(p, a, index_key_address(key, &at[i]));
	subnets = owner_subnets(owner, &nr);
	for (size_t i = 0; i < nr; i++)
		claim_ask(p, a, index_key_subnet(key, &subnets[i]));
}

/* ---- the whole ---- */

void asks_find(const struct planner *p, const char *host, struct asks *out)
{
	const struct bag *bag;
	struct owners owners;
	struct object *o, **owner;
	size_t step = 0;

	destination_ask(p, out, host, &owners);
	vec_each(&owners.list, owner) {
		claims_ask(p, out, *owner);
		vec_push(&out->owners, *owner);
	}
	vec_free(&owners.list);
	while ((bag = index_cover(&p->index->routes, p->index->nr_wild_routes, host, &step)))
		bag_each(bag, o) {
			export_ask(out, o);
			virtual_service_ask(p, out, o);
			vec_push(&out->routes, o);
		}
}

bool asks_any(const struct asks *a)
{
	return a->namespaces.nr || a->selectors.nr || a->keys.nr;
}

bool asks_of(const struct asks *a, const struct plan_scope *scope)
{
	if (strmap_get(&a->namespaces, scope->namespace))
		return true;
	for (size_t i = 0; i < a->selectors.nr; i++) {
		const struct asked_labels *s = &a->selectors.at[i];

		if ((!strcmp(s->namespace, "*") || !strcmp(s->namespace, scope->namespace)) &&
		    labels_contain(&scope->labels, s->labels))
			return true;
	}
	for (size_t i = 0; a->keys.nr && i < scope->labels.nr; i++)
		if (strmap_get(&a->keys, scope->labels.at[i].key))
			return true;
	return false;
}

static bool opens_all(const struct planner *p, const struct object *owner, const char *host)
{
	size_t nr;
	const struct service_port *ports = owner_ports(owner, &nr);

	for (size_t i = 0; i < nr; i++)
		if (!sidecar_opens(p, host, owner->namespace, ports[i].port))
			return false;
	return true;
}

bool asks_see_all(const struct planner *p, const struct asks *a, const char *host)
{
	if (a->uneven)
		return false;
	for (size_t i = 0; i < a->owners.nr; i++)
		if (!sidecar_imports(p, host, a->owners.at[i]->namespace) ||
		    !opens_all(p, a->owners.at[i], host))
			return false;
	for (size_t i = 0; i < a->routes.nr; i++) {
		const struct virtual_service *vs = &a->routes.at[i]->virtual_service;
		bool imported = false;

		for (size_t j = 0; j < vs->nr_hosts; j++)
			imported |= sidecar_imports(p, vs->hosts[j], a->routes.at[i]->namespace);
		if (!imported)
			return false;
	}
	return true;
}

void asks_free(struct asks *a)
{
	strmap_free(&a->namespaces);
	strmap_free(&a->keys);
	vec_free(&a->selectors);
	vec_free(&a->owners);
	vec_free(&a->routes);
}
