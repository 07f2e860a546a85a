// SPDX-License-Identifier: GPL-2.0
/* The plan of a set: what the old plan still says is shared, the rest is built. */
#include <stdlib.h>
#include <string.h>
#include "plan/dirty.h"
#include "plan/orphans.h"
#include "plan/host.h"

void plan_free(struct plan *p)
{
	struct strmap_entry *e;

	if (!p)
		return;
	strmap_each(&p->hosts, e)
		host_put(e->value);
	strmap_free(&p->hosts);
	diags_free(&p->findings);
	if (p->index->owner == p)
		p->index->owner = NULL;
	index_put(p->index);
	free(p);
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
	orphans_find_all(plan, p->set);
}

/* ---- what changed ---- */

static void changes_mark(const struct changes *changes, struct dirty *dirty)
{
	struct change *c;

	vec_each(&changes->list, c) {
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
	plan->index = index_new(old_set);
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

static void build_changes(struct plan *plan, struct planner *p, const struct plan *old,
			  const struct changes *changes)
{
	struct dirty dirty = {.index = plan->index, .known = &old->hosts};
	struct strmap_entry *e;

	strmap_copy(&plan->hosts, &old->hosts);
	strmap_each(&plan->hosts, e)
		host_get(e->value);
	/* what the objects reached before, and what they reach now */
	changes_mark(changes, &dirty);
	changes_index(changes, plan->index);
	changes_mark(changes, &dirty);
	strmap_each(&dirty.hosts, e)
		host_replace(plan, p, e->key);
	orphans_find_changes(plan, changes);
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
		build_changes(plan, &p, old, &changes);
		vec_free(&changes.list);
	} else {
		plan->index = index_new(set);
		p.index = plan->index;
		build_all(plan, &p);
	}
	plan->index->owner = plan;
	orphans_tell(plan);
	*out = plan;
	return 0;
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
