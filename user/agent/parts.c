// SPDX-License-Identifier: GPL-2.0
/* Follows plans: which parts there are, which are made anew, and what a block brings of them. */
#include "agent/parts.h"
#include <stdlib.h>
#include <string.h>
#include "agent/host_part.h"
#include "snapshot/block.h"

struct parts {
	struct host_part_ground ground;
	struct strmap hosts;	/* -> struct host_part * */
	struct host_part **order; /* all of them, by host */
	struct strmap numbers;	/* of scopes, plus one */
	struct arena *arena;	/* of the scopes */
	struct table table;	/* as told last, but for its parts */
	bool told; /* a plan was learned */
};

struct parts *parts_new(uint32_t (*scope_number)(const char *key, void *arg),
			void (*give)(struct table_part *part, void *arg),
			void (*take_back)(uint32_t place, void *arg), void *arg)
{
	struct parts *p = xcalloc(1, sizeof(*p));

	p->ground.plan.dialled = xcalloc(UINT16_MAX + 1, sizeof(*p->ground.plan.dialled));
	p->ground.plan.scope_number = scope_number;
	p->ground.plan.arg = arg;
	p->ground.give = give;
	p->ground.take_back = take_back;
	return p;
}

void parts_free(struct parts *p)
{
	const struct strmap_entry *e;

	if (!p)
		return;
	strmap_each (&p->hosts, e)
		host_part_free(&p->ground, e->value);
	strmap_free(&p->hosts);
	strmap_free(&p->numbers);
	arena_free(p->arena);
	arena_free(p->ground.fresh);
	free(p->order);
	free(p->ground.plan.dialled);
	free(p);
}

uint32_t parts_plan(const struct parts *p)
{
	return p->table.number;
}

/* ---- which hosts there are ---- */

static bool same_hosts(const struct parts *p, const struct plan *plan)
{
	const struct strmap_entry *e;

	if (p->hosts.nr != plan->hosts.nr)
		return false;
	strmap_each (&plan->hosts, e)
		if (!strmap_get_beside(&p->hosts, &plan->hosts, e))
			return false;
	return true;
}

static int host_order(const void *a, const void *b)
{
	const struct host_part *const *x = a, *const *y = b;

	return strcmp((*x)->host->host, (*y)->host->host);
}

static void order_set(struct parts *p)
{
	const struct strmap_entry *e;
	size_t nr = 0;

	p->order = xrealloc(p->order, p->hosts.nr, sizeof(p->order[0]));
	strmap_each (&p->hosts, e)
		p->order[nr++] = e->value;
	qsort(p->order, nr, sizeof(p->order[0]), host_order);
}

/* True: one is gone that the proxy knew. */
static bool hosts_follow(struct parts *p, const struct plan *plan)
{
	struct strmap hosts = {0};
	struct strmap_entry *e;
	bool gone = false;

	strmap_copy(&hosts, &plan->hosts); /* its keys, too */
	strmap_each (&hosts, e) {
		struct host_part *part = strmap_get_beside(&p->hosts, &hosts, e);

		e->value = part ? part : host_part_new(e->value);
	}
	strmap_each (&p->hosts, e) {
		struct host_part *part = e->value;

		if (strmap_get_beside(&hosts, &p->hosts, e))
			continue;
		gone |= part->id != 0;
		host_part_free(&p->ground, part);
	}
	strmap_free(&p->hosts);
	p->hosts = hosts;
	order_set(p);
	return gone;
}

/* ---- what all parts depend on ---- */

/* True: one that was there has another number now. */
static bool numbers_follow(struct parts *p, const struct plan *plan)
{
	struct strmap numbers = {0};
	const struct strmap_entry *e;
	bool other = false;

	strmap_each (&plan->scopes, e) {
		const struct plan_scope *s = e->value;
		size_t number = p->ground.plan.scope_number(s->key, p->ground.plan.arg) + (size_t)1;
		size_t before = (size_t)strmap_get(&p->numbers, e->key);

		other |= before && before != number;
		strmap_put(&numbers, e->key, (void *)number);
	}
	strmap_free(&p->numbers);
	p->numbers = numbers;
	return other;
}

static bool scopes_equal(const struct table *a, const struct table *b)
{
	bool same = a->nr_scopes == b->nr_scopes;

	for (size_t i = 0; same && i < a->nr_scopes; i++)
		same = a->scopes[i].number == b->scopes[i].number &&
		       a->scopes[i].closed == b->scopes[i].closed &&
		       a->scopes[i].refuse_unknown == b->scopes[i].refuse_unknown;
	return same;
}

static bool scopes_follow(struct parts *p, const struct plan *plan)
{
	struct arena *arena = arena_new();
	struct table now = {0};
	bool same;

	snapshot_scopes(plan, &p->ground.plan, arena, &now);
	same = scopes_equal(&now, &p->table);
	p->table.scopes = now.scopes;
	p->table.nr_scopes = now.nr_scopes;
	arena_free(p->arena);
	p->arena = arena;
	return !same;
}

/* ---- plans ---- */

static bool dialled_follow(struct parts *p, const struct plan *plan)
{
	const struct strmap_entry *e;
	bool more = false;

	strmap_each (&plan->hosts, e) {
		const struct host_part *part = strmap_get_beside(&p->hosts, &plan->hosts, e);

		if (host_part_is_new(part, e->value))
			more |= snapshot_dialled(e->value, &p->ground.plan);
	}
	return more;
}

bool parts_learn(struct parts *p, const struct plan *plan)
{
	bool changed = !p->told, more, other;
	const struct strmap_entry *e;

	if (!same_hosts(p, plan))
		changed |= hosts_follow(p, plan);
	changed |= scopes_follow(p, plan);
	other = numbers_follow(p, plan);
	more = dialled_follow(p, plan);
	strmap_each (&plan->hosts, e) {
		struct host_part *part = strmap_get_beside(&p->hosts, &plan->hosts, e);
		const struct plan_host *h = e->value;

		if (host_part_is_new(part, h) || more || (other && h->nr_views))
			changed |= host_part_learn(part, e->value, &p->ground);
	}
	p->told = true;
	if (changed)
		p->table.number = plan->number;
	return changed;
}

/* ---- blocks ---- */

static int refs_fill(struct parts *p, bool all, struct table *t)
{
	int err = 0;

	t->parts = xcalloc(p->hosts.nr, sizeof(t->parts[0]));
	for (size_t i = 0; i < p->hosts.nr && !err; i++) {
		struct host_part *part = p->order[i];

		if (!part->id)
			continue;
		if (all && !part->bytes)
			err = host_part_again(part, &p->ground);
		t->parts[t->nr_parts++] = (struct table_ref){part->id, part->bytes,
							     part->bytes ? part->size : 0};
	}
	return err;
}

int parts_block(struct parts *p, bool all, void **bytes, size_t *size)
{
	struct table t = p->table;
	int err = refs_fill(p, all, &t);

	if (!err)
		err = block_write(&t, bytes, size);
	free(t.parts);
	if (err)
		return err;
	for (size_t i = 0; i < p->hosts.nr; i++)
		p->order[i]->bytes = NULL;
	arena_free(p->ground.fresh);
	p->ground.fresh = NULL;
	return 0;
}
