// SPDX-License-Identifier: GPL-2.0
/* The plan of a set: what the old plan still says is shared, the rest is built. */
#include <stdlib.h>
#include <string.h>
#include "plan/dirty.h"
#include "plan/gateway.h"
#include "plan/host.h"
#include "plan/orphans.h"
#include "plan/visible.h"

void plan_free(struct plan *p)
{
	struct strmap_entry *e;

	if (!p)
		return;
	strmap_each(&p->hosts, e)
		host_put(e->value);
	strmap_free(&p->hosts);
	strmap_each(&p->scopes, e) {
		object_put((struct object *)((struct plan_scope *)e->value)->sidecar);
		scope_free(e->value);
	}
	strmap_free(&p->scopes);
	gateways_put(p->gateways);
	diags_free(&p->findings);
	if (p->index->owner == p)
		p->index->owner = NULL;
	index_put(p->index);
	free(p);
}

static void index_start(struct plan *plan, const struct config_set *set)
{
	struct scope_list went, came;

	plan->index = index_new(set);
	scope_index_follow(&plan->index->scopes, set, &went, &came);
	vec_free(&came.list);
}

/* ---- all of it ---- */

static void host_plan(struct plan *plan, struct planner *p, const char *host)
{
	struct plan_host *h;

	if (strmap_get(&plan->hosts, host))
		return;
	h = host_build(p, host);
	if (h)
		strmap_put(&plan->hosts, host, h);
}

static void build_all(struct plan *plan, struct planner *p)
{
	struct strmap_entry *e;
	char host[INDEX_KEY];

	strmap_each(&p->set->kinds[KIND_SERVICE], e)
		host_plan(plan, p, service_host(e->value, host));
	strmap_each(&p->set->kinds[KIND_SERVICE_ENTRY], e) {
		const struct object *o = e->value;

		for (size_t i = 0; i < o->service_entry.nr_hosts; i++)
			host_plan(plan, p, o->service_entry.hosts[i]);
	}
	strmap_each(&p->index->routes, e)
		host_plan(plan, p, e->key);
	orphans_find_all(plan, p->set);
	gateways_build(plan, p->set, p->index, p->addresses);
}

/* ---- what changed ---- */

/* A Node says only where it is: nothing else of it reaches a plan. */
static bool is_idle(const struct change *c)
{
	return c->old && c->new && c->new->kind == KIND_NODE &&
	       !strcmp(c->old->node.locality, c->new->node.locality);
}

static void changes_mark(const struct changes *changes, struct dirty *dirty)
{
	struct change *c;

	vec_each(&changes->list, c) {
		if (is_idle(c))
			continue;
		if (c->old)
			dirty_add(dirty, c->old);
		if (c->new)
			dirty_add(dirty, c->new);
	}
}

static void changes_index(const struct changes *changes, struct plan_index *index)
{
	struct change *c;

	vec_each(&changes->list, c) {
		if (c->old)
			index_remove(index, c->old);
		if (c->new)
			index_add(index, c->new);
	}
}

/* The index of `old`, which becomes that of the new plan; a new one if it has moved on already. */
static void index_take(struct plan *plan, const struct plan *old, const struct config_set *old_set)
{
	if (old->index->owner == old) {
		plan->index = old->index;
		plan->index->refs++;
		return;
	}
	index_start(plan, old_set);
	strmap_copy(&plan->hosts, &old->hosts);
	orphans_find_all(plan, old_set);
	strmap_free(&plan->hosts);
}

static void host_replace(struct plan *plan, struct planner *p, const char *host)
{
	struct plan_host *h = host_build(p, host), *old;

	if (h)
		old = strmap_put(&plan->hosts, host, h);
	else
		old = strmap_remove(&plan->hosts, host);
	if (!h != !old)
		orphans_recheck(plan, host);
	if (old)
		host_put(old);
}

/* ---- scopes ---- */

static bool is_named(const struct plan_host *h, const struct plan_scope *scope)
{
	for (size_t i = 0; i < h->nr_views; i++)
		for (size_t j = 0; j < h->views[i].nr_scopes; j++)
			if (!strcmp(h->views[i].scopes[j], scope->key))
				return true;
	return false;
}

/* Some of the scopes are of a Sidecar that shows or refuses the host. */
static bool is_shown(const struct planner *from, const struct plan_host *h,
		     const struct scope_list *scopes)
{
	struct planner p = *from;

	for (size_t i = 0; i < scopes->list.nr; i++) {
		p.caller = scopes->list.at[i];
		if ((p.caller->closed || p.caller->registry_only) && host_dialled(&p, h->host))
			return true;
	}
	return false;
}

/* Hosts that ask who calls, and those which a Sidecar that came or went shows: what it shows can be
 * no port and a finding alone, so that no view has its name. */
static bool is_reached(const struct planner *p, const struct plan_host *h,
		       const struct scope_list *went, const struct scope_list *came)
{
	if (h->asks)
		return true;
	for (size_t i = 0; i < went->list.nr; i++)
		if (is_named(h, went->list.at[i]))
			return true;
	return is_shown(p, h, went) || is_shown(p, h, came);
}

static void scopes_mark(const struct planner *p, struct dirty *dirty)
{
	struct scope_index *index = &((struct plan_index *)p->index)->scopes;
	struct scope_list went, came;
	struct strmap_entry *e;

	scope_index_follow(index, p->set, &went, &came);
	if (went.list.nr || came.list.nr)
		strmap_each(dirty->known, e)
			if (is_reached(p, e->value, &went, &came))
				strmap_put(&dirty->hosts, e->key, dirty);
	for (size_t i = 0; i < went.list.nr; i++)
		scope_free(went.list.at[i]);
	vec_free(&went.list);
	vec_free(&came.list);
}

/* None of them when nobody sees anything else than everyone. */
static bool scopes_matter(const struct plan *plan)
{
	const struct scope_list *now = &plan->index->scopes.now;
	const struct strmap_entry *e;

	for (size_t i = 0; i < now->list.nr; i++)
		if (now->list.at[i]->closed || now->list.at[i]->registry_only)
			return true;
	strmap_each(&plan->hosts, e)
		if (((const struct plan_host *)e->value)->nr_views)
			return true;
	return false;
}

static void scopes_take(struct plan *plan)
{
	const struct scope_list *now = &plan->index->scopes.now;

	if (!scopes_matter(plan))
		return;
	for (size_t i = 0; i < now->list.nr; i++) {
		struct plan_scope *s = scope_copy(now->list.at[i]);

		if (s->sidecar)
			object_get((struct object *)s->sidecar);
		strmap_put(&plan->scopes, s->key, s);
	}
}

static void build_changes(struct plan *plan, struct planner *p, const struct plan *old,
			  const struct config_set *old_set, const struct changes *changes)
{
	struct dirty dirty = {.index = plan->index, .known = &old->hosts, .set = old_set};
	struct strmap_entry *e;

	strmap_copy(&plan->hosts, &old->hosts);
	strmap_each(&plan->hosts, e)
		host_get(e->value);
	/* what the objects reached before, and what they reach now */
	changes_mark(changes, &dirty);
	changes_index(changes, plan->index);
	dirty.set = p->set;
	changes_mark(changes, &dirty);
	scopes_mark(p, &dirty);
	strmap_each(&dirty.hosts, e)
		host_replace(plan, p, e->key);
	orphans_find_changes(plan, p->set, changes);
	if (gateways_touched(old->gateways, changes, &dirty.hosts))
		gateways_build(plan, p->set, p->index, p->addresses);
	else
		plan->gateways = gateways_get(old->gateways);
	strmap_free(&dirty.hosts);
}

int plan_build(const struct config_set *set, const struct config_set *old_set,
	       const struct plan *old, struct addresses *addresses, uint32_t number,
	       struct diags *diags, struct plan **out)
{
	struct plan *plan = xcalloc(1, sizeof(*plan));
	struct planner p = {.set = set, .addresses = addresses};
	struct changes changes;

	(void)diags; /* what a split may hold is checked where routes are decoded */
	plan->number = number;
	if (old && old_set) {
		index_take(plan, old, old_set);
		p.index = plan->index;
		changes_find(old_set, set, &changes);
		build_changes(plan, &p, old, old_set, &changes);
		vec_free(&changes.list);
	} else {
		index_start(plan, set);
		p.index = plan->index;
		build_all(plan, &p);
	}
	plan->index->owner = plan;
	scopes_take(plan);
	orphans_tell(plan, set);
	gateways_tell(plan->gateways, &plan->findings);
	*out = plan;
	return 0;
}

/* ---- and back ---- */

/* Objects whose hosts one of the plans has and the other has not. */
static void orphans_recheck_differing(struct plan *plan, const struct plan *other)
{
	struct strmap_entry *e;

	strmap_each(&plan->hosts, e)
		if (!strmap_get_beside(&other->hosts, &plan->hosts, e))
			orphans_recheck(plan, e->key);
	strmap_each(&other->hosts, e)
		if (!strmap_get_beside(&plan->hosts, &other->hosts, e))
			orphans_recheck(plan, e->key);
}

void plan_drop(struct plan *plan, const struct config_set *set, struct plan *old,
	       const struct config_set *old_set)
{
	struct plan_index *index = plan->index;
	struct scope_list went, came;
	struct changes changes;

	if (index == old->index && index->owner == plan) {
		changes_find(set, old_set, &changes);
		changes_index(&changes, index);
		scope_index_follow(&index->scopes, old_set, &went, &came);
		for (size_t i = 0; i < went.list.nr; i++)
			scope_free(went.list.at[i]);
		vec_free(&went.list);
		vec_free(&came.list);
		orphans_find_changes(old, old_set, &changes);
		orphans_recheck_differing(old, plan);
		vec_free(&changes.list);
		index->owner = old;
	}
	plan_free(plan);
}

/* ---- order ---- */

static int host_order(const void *a, const void *b)
{
	return strcmp((*(struct plan_host *const *)a)->host, (*(struct plan_host *const *)b)->host);
}

struct plan_host **plan_sorted(const struct plan *p, size_t *nr)
{
	struct plan_host **hosts = xcalloc(p->hosts.nr + 1, sizeof(struct plan_host *));
	struct strmap_entry *e;

	*nr = 0;
	strmap_each(&p->hosts, e)
		hosts[(*nr)++] = e->value;
	qsort(hosts, *nr, sizeof(struct plan_host *), host_order);
	return hosts;
}
