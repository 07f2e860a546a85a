// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses behind ports that pass as dialled: callers who are refused what they do not know have
 * to find them. They belong to no host alone, so they are settled over the whole plan.
 */
#include <stdlib.h>
#include <string.h>
#include "datapath/change.h"

/* An address that callers of a scope see `by` times more often than everyone. */
struct pass {
	struct plan_address at;
	uint8_t protocol;
	uint32_t scope;
	bool closed; /* looks at its own keys alone */
	int by;
};
struct passes {
	VEC(struct pass) list;
};

/* Everyone's key says whether some scope has its own, and a key may say that nothing is there. */
enum { PASSES, PASSES_SCOPED, UNKNOWN_SCOPED, UNKNOWN, NR_WAYS };
struct work {
	struct datapath *dp;
	struct change ways[NR_WAYS];
	const struct slots **full;
};

static int place_order(const struct pass *a, const struct pass *b)
{
	int order = memcmp(&a->at.address, &b->at.address, sizeof(a->at.address));

	order = order ? order : (int)a->at.port - (int)b->at.port;
	return order ? order : (int)a->protocol - (int)b->protocol;
}

static int pass_order(const void *a, const void *b)
{
	const struct pass *x = a, *y = b;
	int order = place_order(x, y);

	return order ? order : x->scope < y->scope ? -1 : x->scope > y->scope;
}

/* ---- what is seen by whom ---- */

static void ports_add(struct passes *out, const struct plan_port *ports, size_t nr,
		      const struct pass *of)
{
	for (size_t i = 0; i < nr; i++)
		for (size_t j = 0; j < ports[i].nr_passes; j++) {
			struct pass one = *of;

			one.at = ports[i].passes[j];
			one.protocol = port_id_of(&ports[i]).protocol;
			vec_push(&out->list, one);
		}
}

/* A view stands for what its callers see instead of everyone's. */
static void view_add(struct datapath *dp, struct passes *out, const struct plan_host *h,
		     const struct plan_view *v)
{
	for (size_t i = 0; i < v->nr_scopes; i++) {
		const struct scope_ref *s = scope_ref_find(dp, v->scopes[i]);
		struct pass one = {.by = 1};

		if (!s || !(s->next & CALLER_REFUSE_UNKNOWN))
			continue;
		one.scope = s->number;
		one.closed = s->next & CALLER_CLOSED;
		if (v->visible)
			ports_add(out, v->ports, v->nr_ports, &one);
		one.by = -1;
		if (h->visible && !one.closed)
			ports_add(out, h->ports, h->nr_ports, &one);
	}
}

static void passes_find(struct datapath *dp, const struct plan *plan, struct passes *out)
{
	static const struct pass everyones = {.scope = SCOPE_ALL, .by = 1};
	struct strmap_entry *e;

	strmap_each(&plan->hosts, e) {
		const struct plan_host *h = e->value;

		if (h->visible && dp->names_untouched)
			ports_add(out, h->ports, h->nr_ports, &everyones);
		for (size_t i = 0; i < h->nr_views; i++)
			view_add(dp, out, h, &h->views[i]);
	}
	if (out->list.nr > 1)
		qsort(out->list.at, out->list.nr, sizeof(out->list.at[0]), pass_order);
}

/* ---- what a service has is not there to pass ---- */

static int place_compare(const void *a, const void *b)
{
	return place_order(a, b);
}

static void service_drop(struct passes *p, const struct pass *at)
{
	struct pass *found = bsearch(at, p->list.at, p->list.nr, sizeof(*found), place_compare);
	struct pass *end = p->list.at + p->list.nr;

	if (!found)
		return;
	while (found > p->list.at && !place_compare(at, found - 1))
		found--;
	for (; found < end && !place_compare(at, found); found++)
		found->by = 0;
}

static void services_drop(struct passes *p, const struct inet *addresses, size_t nr,
			  const struct port_id *ids, size_t nr_ids)
{
	for (size_t i = 0; i < nr; i++)
		for (size_t j = 0; j < nr_ids; j++) {
			struct pass at = {.at = {.address = addresses[i], .port = ids[j].number},
					  .protocol = ids[j].protocol};

			service_drop(p, &at);
		}
}

static bool has_port(const struct port_id *ids, size_t nr, const struct pass *pass)
{
	for (size_t i = 0; i < nr; i++)
		if (ids[i].number == pass->at.port && ids[i].protocol == pass->protocol)
			return true;
	return false;
}

static void subnets_drop(struct passes *p, const struct subnet *subnets, size_t nr,
			 const struct port_id *ids, size_t nr_ids)
{
	struct pass *pass;

	for (size_t i = 0; i < nr; i++) {
		const struct range subnet = range_of_subnet(&subnets[i]);

		vec_each(&p->list, pass) {
			const struct range at = range_of_address(&pass->at.address);

			if (range_has(&subnet, &at) && has_port(ids, nr_ids, pass))
				pass->by = 0;
		}
	}
}

static void taken_drop(struct passes *p, const struct plan *plan)
{
	struct strmap_entry *e;

	strmap_each(&plan->hosts, e) {
		const struct plan_host *h = e->value;
		struct port_id *ids;
		size_t nr;

		if (!p->list.nr)
			return;
		ids = port_ids(h, &nr);
		services_drop(p, h->addresses, h->nr_addresses, ids, nr);
		subnets_drop(p, h->subnets, h->nr_subnets, ids, nr);
		for (size_t i = 0; i < h->nr_views; i++) {
			const struct plan_view *v = &h->views[i];

			services_drop(p, v->addresses, v->nr_addresses, ids, nr);
			subnets_drop(p, v->subnets, v->nr_subnets, ids, nr);
		}
		free(ids);
	}
}

/* ---- keys ---- */

static int want_key(struct work *w, int way, const struct pass *p, uint32_t scope)
{
	const struct range range = range_of_address(&p->at.address);
	const struct port_id port = {p->at.port, p->protocol};
	const struct service_key key = range_key(&range, port, scope);

	return change_take_key(w->dp, &w->ways[way], &key, w->full);
}

/* The sum of those with one place and scope. */
static const struct pass *sum(const struct pass *p, const struct pass *end, int *by)
{
	const struct pass *first = p;

	for (*by = 0; p < end && !pass_order(first, p); p++)
		*by += p->by;
	return p;
}

/* All of [p, end) have one range. */
static int want_keys(struct work *w, const struct pass *p, const struct pass *end)
{
	const struct pass *first = p;
	int everyones = 0, by, err = 0;
	bool scoped = false;

	if (p->scope == SCOPE_ALL)
		p = sum(p, end, &everyones);
	while (p < end && !err) {
		const struct pass *own = p;
		int without = own->closed ? 0 : everyones;

		p = sum(p, end, &by);
		if ((without + by > 0) == (without > 0))
			continue;
		err = want_key(w, without > 0 ? UNKNOWN : PASSES, own, own->scope);
		scoped |= !own->closed;
	}
	if (err || (!scoped && everyones <= 0))
		return err;
	return want_key(w, everyones <= 0 ? UNKNOWN_SCOPED : scoped ? PASSES_SCOPED : PASSES,
			first, SCOPE_ALL);
}

static int want_all(struct work *w, const struct passes *p)
{
	const struct pass *at = p->list.at, *end = at + p->list.nr;
	int err = 0;

	while (at < end && !err) {
		const struct pass *first = at;

		while (at < end && !place_order(first, at))
			at++;
		err = want_keys(w, first, at);
	}
	return err;
}

static bool anyone_refuses(const struct plan *plan)
{
	struct strmap_entry *e;

	strmap_each(&plan->scopes, e)
		if (((const struct plan_scope *)e->value)->registry_only)
			return true;
	return false;
}

int passes_prepare(struct datapath *dp, const struct plan *plan, struct changes *out,
		   const struct slots **full)
{
	static const struct route ways[] = {
		[PASSES] = {.kind = ROUTE_UNTOUCHED},
		[PASSES_SCOPED] = {.kind = ROUTE_UNTOUCHED, .flags = ROUTE_SCOPED},
		[UNKNOWN_SCOPED] = {.kind = ROUTE_UNKNOWN, .flags = ROUTE_SCOPED},
		[UNKNOWN] = {.kind = ROUTE_UNKNOWN},
	};
	struct port_ref *port = port_ref_get(dp, "(passed as dialled)", (struct port_id){0});
	struct work w = {.dp = dp, .full = full};
	struct passes passes = {0};
	int err;

	vec_push(&out->ports, port);
	if (!anyone_refuses(plan))
		return 0;
	for (int i = 0; i < NR_WAYS; i++) {
		w.ways[i] = (struct change){.port = port, .slot = SLOT_NONE, .route = ways[i]};
		w.ways[i].route.plan = plan->number;
	}
	passes_find(dp, plan, &passes);
	taken_drop(&passes, plan);
	err = want_all(&w, &passes);
	vec_free(&passes.list);
	return changes_take(dp, w.ways, NR_WAYS, err, out, full);
}
