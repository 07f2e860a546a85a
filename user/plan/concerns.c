// SPDX-License-Identifier: GPL-2.0
/* What is odd about the objects behind a host: some are passed over, some select nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/ports.h"
#include "plan/visible.h"

static int age_order(const void *a, const void *b)
{
	return object_order(*(struct object *const *)a, *(struct object *const *)b);
}

/* A wildcard's VirtualServices meet every host it covers, so that only some are named each time. */
#define OTHERS_NAMED 8

/* Those with the same host that come after `vs` for the same callers. */
static void others_check(struct planner *p, const struct bag *all, const struct object *vs)
{
	VEC(struct object *) others = {0};
	struct object *o, **other;

	bag_each(all, o)
		if (o != vs && routes_are_for(p, o) && routes_rank(p, o) == routes_rank(p, vs))
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
		if (p->owner->kind == KIND_SERVICE || !strcmp(o->namespace, p->owner->namespace))
			host_find(p, DIAG_WARNING, &o->place, o, field,
				  "host %s is already defined by %s; this one is passed over",
				  p->host->host, p->owner->id);
		else if (!p->caller)
			host_find(p, DIAG_WARNING, &o->place, o, field,
				  "host %s is already defined by %s; this one is for callers of "
				  "namespace %s alone",
				  p->host->host, p->owner->id, o->namespace);
	}
}

static void entries_check(struct planner *p)
{
	const struct bag *bag = strmap_get(&p->index->entries, p->host->host);
	VEC(struct object *) others = {0};
	struct object *o, **other;

	bag_each(bag, o)
		if (o != p->owner && object_is_for(p, o) &&
		    sidecar_imports(p, p->host->host, o->namespace))
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

	if (!nr || !rules->list.nr || rules->list.at[0]->destination_rule.host[0] == '*')
		return;
	backends_of(p, p->owner, p->host->host, ports, &backends);
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

void concerns_check(struct planner *p, const struct object *vs, const struct bag *all)
{
	struct rules rules;
	struct object **o;

	rules_of(p, p->host->host, p->owner->namespace, &rules);
	vec_each(&rules.list, o)
		host_use(p, *o);
	if (vs)
		others_check(p, all, vs);
	entries_check(p);
	subsets_check(p, &rules);
	vec_free(&rules.list);
}

/* ---- routes without effect ---- */

static bool port_is_routed(const struct plan_port *port, const struct object *vs)
{
	if (port->verdict == VERDICT_UNTOUCHED || !strcmp(port->route.object, vs->id) ||
	    !strcmp(plan_bytes_object(port), vs->id))
		return true;
	for (size_t i = 0; i < port->nr_branches; i++)
		if (!strcmp(port->branches[i].route.object, vs->id))
			return true;
	for (size_t i = 0; i < port->nr_rules; i++)
		if (port->rules[i].from.object == vs)
			return true;
	for (size_t i = 0; i < port->nr_snis; i++)
		if (port->snis[i].from.object == vs)
			return true;
	return false;
}

/* Whether any route is for some callers only: then it is no wonder that others do not see it. */
static bool selects_callers(const struct vs_route *routes, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		for (size_t j = 0; j < routes[i].nr_matches; j++)
			if (routes[i].matches[j].source_labels.nr ||
			    *routes[i].matches[j].source_namespace)
				return true;
	return false;
}

/* Routes that are all of another protocol or port than what the host has. */
void routes_check(struct planner *p)
{
	const struct object *vs = routes_owner(p, p->host->host, NULL);
	const struct virtual_service *v = vs ? &vs->virtual_service : NULL;

	if (!vs || !p->host->nr_ports || selects_callers(v->http, v->nr_http) ||
	    selects_callers(v->tls, v->nr_tls) || selects_callers(v->tcp, v->nr_tcp))
		return;
	for (size_t i = 0; i < p->host->nr_ports; i++)
		if (port_is_routed(&p->host->ports[i], vs))
			return;
	if (alias_name(p->owner)) {
		host_find(p, DIAG_WARNING, &vs->place, vs, "",
			  "has no effect for %s, which stands for %s: the routes of that count",
			  p->host->host, alias_name(p->owner));
		return;
	}
	host_find(p, DIAG_WARNING, &vs->place, vs, "",
		  "none of its routes takes a port of %s, which stays the plain service",
		  p->host->host);
}
