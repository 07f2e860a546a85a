// SPDX-License-Identifier: GPL-2.0
/* Keeps track of objects without effect and says so. */
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"
#include "plan/orphans.h"

static bool is_host(const struct plan *plan, const char *pattern)
{
	struct strmap_entry *e;

	if (strmap_get(&plan->hosts, pattern))
		return true;
	if (pattern[0] == '*')
		strmap_each(&plan->hosts, e)
			if (host_covers(pattern, e->key))
				return true;
	return false;
}

/* Of no host and no delegate of another. */
static bool is_unused(const struct plan *plan, const struct object *o)
{
	const struct virtual_service *vs = &o->virtual_service;
	char key[INDEX_KEY];

	if (!vs->nr_hosts)
		return !strmap_get(&plan->index->delegates,
				   index_key_name(key, o->namespace, o->name));
	for (size_t i = 0; vs->mesh && i < vs->nr_hosts; i++)
		if (is_host(plan, vs->hosts[i]))
			return false;
	return true;
}

static bool is_orphan(const struct plan *plan, const struct object *o)
{
	switch (o->kind) {
	case KIND_SERVICE:
	case KIND_SERVICE_ENTRY:
		return false;
	case KIND_SIDECAR: /* who has it changes with the workloads: see why() */
		return true;
	case KIND_DESTINATION_RULE:
		return !is_host(plan, o->destination_rule.host);
	case KIND_VIRTUAL_SERVICE:
		return is_unused(plan, o);
	default:
		return o->nr_later;
	}
}

static void check(struct plan *plan, struct object *o)
{
	if (is_orphan(plan, o))
		strmap_put(&plan->index->orphans, o->id, o);
	else
		strmap_remove(&plan->index->orphans, o->id);
}

void orphans_find_all(struct plan *plan, const struct config_set *set)
{
	struct strmap_entry *e;

	for (int kind = 0; kind < NR_KINDS; kind++)
		strmap_each(&set->kinds[kind], e)
			if (is_orphan(plan, e->value))
				check(plan, e->value);
}

/* Delegates that a VirtualService names, or named before. */
static void delegates_check(struct plan *plan, const struct object *root,
			    const struct config_set *set)
{
	const struct virtual_service *vs = &root->virtual_service;

	for (size_t i = 0; i < vs->nr_http; i++) {
		const struct vs_delegate *d = vs->http[i].delegate;
		struct object *o =
			d ? config_set_get(set, KIND_VIRTUAL_SERVICE,
					   *d->namespace ? d->namespace : root->namespace, d->name)
			  : NULL;

		if (o)
			check(plan, o);
	}
}

static void change_check(struct plan *plan, const struct config_set *set, const struct object *o)
{
	if (o && o->kind == KIND_VIRTUAL_SERVICE)
		delegates_check(plan, o, set);
}

void orphans_find_changes(struct plan *plan, const struct config_set *set,
			  const struct changes *changes)
{
	struct change *c;

	vec_each(&changes->list, c) {
		if (c->old)
			strmap_remove(&plan->index->orphans, c->old->id);
		if (c->new)
			check(plan, c->new);
	}
	vec_each(&changes->list, c) {
		change_check(plan, set, c->old);
		change_check(plan, set, c->new);
	}
}

void orphans_recheck(struct plan *plan, const char *host)
{
	struct plan_index *x = plan->index;
	const struct bag *bag;
	struct object *o;
	size_t step = 0;

	while ((bag = index_cover(&x->rules, x->nr_wild_rules, host, &step)))
		bag_each(bag, o)
			check(plan, o);
	step = 0;
	while ((bag = index_cover(&x->routes, x->nr_wild_routes, host, &step)))
		bag_each(bag, o)
			check(plan, o);
}

/* ---- telling ---- */

static const char *why(const struct plan *plan, const struct config_set *set,
		       const struct object *o)
{
	bool workloads = set->kinds[KIND_POD].nr || set->kinds[KIND_WORKLOAD_ENTRY].nr;

	switch (o->kind) {
	case KIND_SIDECAR:
		return workloads && !scope_index_use(&plan->index->scopes, o)
			       ? "is the Sidecar of no Pod; it has no effect"
			       : NULL;
	case KIND_DESTINATION_RULE:
		return "no service has its host; it has no effect";
	case KIND_VIRTUAL_SERVICE:
		if (!o->virtual_service.nr_hosts)
			return "no VirtualService delegates to it; it has no effect";
		return o->virtual_service.nr_gateways
			       ? NULL
			       : "no service has any of its hosts; it has no effect";
	default:
		return NULL;
	}
}

static void tell(struct plan *plan, const struct config_set *set, const struct object *o)
{
	const char *text = why(plan, set, o);

	if (text)
		diag_add(&plan->findings, DIAG_WARNING, &o->place, o->id, "%s", text);
	for (size_t i = 0; i < o->nr_later; i++) {
		char *path = xasprintf("%s: %s", o->id, o->later[i].path);

		diag_add(&plan->findings, DIAG_NOTICE, &o->later[i].place, path,
			 "is not in force yet");
		free(path);
	}
}

static int id_order(const void *a, const void *b)
{
	return strcmp((*(struct object *const *)a)->id, (*(struct object *const *)b)->id);
}

void orphans_tell(struct plan *plan, const struct config_set *set)
{
	const struct strmap *orphans = &plan->index->orphans;
	struct object **sorted = xcalloc(orphans->nr + 1, sizeof(struct object *));
	struct strmap_entry *e;
	size_t nr = 0;

	strmap_each(orphans, e)
		sorted[nr++] = e->value;
	qsort(sorted, nr, sizeof(struct object *), id_order);
	for (size_t i = 0; i < nr; i++)
		tell(plan, set, sorted[i]);
	free(sorted);
}
