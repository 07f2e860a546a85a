/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From what a port is to whom to the records that takes. Variants that come to the same share one
 * record, and with it one position. Keys exist where a scope differs from everyone's; a scope that
 * is closed has one for all that is there for it.
 */
#include <string.h>
#include "datapath/change.h"

/* A port while it is prepared. A change a variant, then one for each way to pass. */
struct work {
	struct datapath *dp;
	struct port_id port;
	struct variants variants;
	struct change *changes;
	size_t *same; /* of each variant: the first change that comes to the same */
	size_t nr, untouched, unknown;
	const struct slots **full;
};

static void change_guard(struct change *c, const struct variant *v)
{
	if (!v->route || v->proxied || v->route->nr_splits < 2 || !v->port->guard.percent)
		return;
	c->guard = &v->port->guard;
	c->route.flags |= ROUTE_GUARDED;
}

static void work_init(struct work *w, struct port_ref *port, uint32_t plan_number)
{
	w->untouched = w->variants.list.nr;
	w->unknown = w->untouched + 1;
	w->nr = w->unknown + 1;
	w->changes = xcalloc(w->nr, sizeof(*w->changes));
	w->same = xcalloc(w->nr, sizeof(*w->same));
	for (size_t i = 0; i < w->nr; i++) {
		struct change *c = &w->changes[i];

		c->port = port;
		c->protocol = w->port.protocol;
		c->slot = SLOT_NONE;
		c->route.plan = plan_number;
		c->route.kind = i == w->untouched ? ROUTE_UNTOUCHED : ROUTE_UNKNOWN;
		if (i < w->untouched) {
			c->plan = w->variants.list.at[i].route;
			c->route.kind = w->variants.list.at[i].kind;
			c->route.flags = w->variants.list.at[i].proxied ? ROUTE_PROXIED : 0;
			if (w->variants.list.at[i].port && w->variants.list.at[i].port->splice)
				c->route.flags |= ROUTE_SPLICE;
			change_guard(c, &w->variants.list.at[i]);
		}
	}
}

/* A branch keeps a position of its own beside that of the route that it branches off. */
static bool comes_to_same(const struct work *w, size_t a, size_t b)
{
	return range_equal(&w->variants.list.at[a].within, &w->variants.list.at[b].within) &&
	       changes_equal(&w->changes[a], &w->changes[b]);
}

static int resolve_all(struct work *w)
{
	int err = 0;

	for (size_t i = 0; i < w->nr && !err; i++)
		err = change_resolve(w->dp, &w->changes[i], w->full);
	for (size_t i = 0; i < w->untouched && !err; i++) {
		if (w->changes[i].route.kind == ROUTE_UNTOUCHED)
			w->same[i] = w->untouched;
		else if (w->changes[i].route.kind == ROUTE_UNKNOWN)
			w->same[i] = w->unknown;
		else
			while (!comes_to_same(w, w->same[i], i))
				w->same[i]++;
	}
	return err;
}

static size_t seen_at(const struct work *w, size_t variant, const struct range *range)
{
	size_t at = variant_at(&w->variants, variant, range);

	return at == VARIANT_NONE ? w->unknown : w->same[at];
}

static bool needs_key(const struct work *w, const struct reader *r, size_t seen, size_t everyones)
{
	bool passes = seen == w->untouched || seen == w->unknown;

	if (r->closed)
		return seen != w->unknown && (!passes || r->refuses);
	if (passes && !r->refuses)
		return everyones != w->untouched && everyones != w->unknown;
	return seen != everyones;
}

static int want_key(struct work *w, size_t change, const struct range *range, uint32_t scope)
{
	const struct service_key key = range_key(range, w->port, scope);

	return change_take_key(w->dp, &w->changes[change], &key, w->full);
}

static bool has_key(const struct work *w, const struct service_key *key)
{
	for (size_t i = 0; i < w->nr; i++) {
		const struct change *c = &w->changes[i];

		for (size_t j = 0; j < c->keys.nr; j++)
			if (!memcmp(&c->keys.at[j].key, key, sizeof(*key)))
				return true;
	}
	return false;
}

/* Callers come into a scope while everyone's is still the old plan's, from one where they had their
 * own: the scope has to have what will be everyone's. */
static void want_passing(struct work *w, const struct range *range, size_t everyones)
{
	struct service_key key = range_key(range, w->port, SCOPE_ALL);
	const struct key_ref *k = key_ref_find(w->dp, &key);
	const struct strmap_entry *e;

	if (!w->dp->scopes_differ || !k || !(k->owner->route.flags & ROUTE_SCOPED))
		return;
	strmap_each(&w->dp->scope_refs, e) {
		const struct scope_ref *s = e->value;

		key.scope = s->number;
		if (s->wanted == w->dp->syncs && !(s->next & CALLER_CLOSED) && !has_key(w, &key))
			change_want_passing(&w->changes[everyones], &key);
	}
}

static int want_keys_at(struct work *w, const struct range *range)
{
	size_t everyones = seen_at(w, 0, range);
	bool scoped = false, named;
	struct reader *r;

	for (size_t i = 1; i < w->variants.list.nr; i++) {
		size_t seen = seen_at(w, i, range);

		vec_each(&w->variants.list.at[i].readers, r) {
			int err = 0;

			if (!needs_key(w, r, seen, everyones))
				continue;
			err = want_key(w, seen, range, r->scope);
			if (err)
				return err;
			scoped |= !r->closed;
		}
	}
	want_passing(w, range, everyones);
	/* Callers who are refused what they do not know have to find what passes. */
	named = w->dp->names_untouched || everyones != w->untouched;
	if (!scoped && (everyones == w->unknown || !named))
		return 0;
	if (scoped)
		w->changes[everyones].route.flags |= ROUTE_SCOPED;
	return want_key(w, everyones, range, SCOPE_ALL);
}

static int want_keys(struct work *w)
{
	int err = 0;

	for (size_t i = 0; i < w->variants.ranges.nr && !err; i++)
		err = want_keys_at(w, &w->variants.ranges.at[i]);
	return err;
}

static int take_records(struct datapath *dp, struct change *changes, size_t nr,
			const struct slots **full)
{
	int err = 0;

	for (size_t i = 0; i < nr; i++)
		port_claim(dp, &changes[i]);
	for (size_t i = 0; i < nr; i++)
		change_match_same(dp, &changes[i]);
	for (size_t i = 0; i < nr && !err; i++) {
		if (changes[i].in)
			continue;
		change_match_before(dp, &changes[i]);
		err = change_take_records(dp, &changes[i], full);
	}
	return err;
}

int changes_take(struct datapath *dp, struct change *from, size_t nr, int err, struct changes *out,
		 const struct slots **full)
{
	size_t first = out->list.nr;

	for (size_t i = 0; i < nr; i++) {
		if (err || from[i].keys.nr)
			vec_push(&out->list, from[i]);
		else
			change_undo(dp, &from[i]);
	}
	if (err)
		return err;
	return take_records(dp, out->list.at + first, out->list.nr - first, full);
}

int changes_prepare(struct datapath *dp, const struct plan_host *host, struct port_id id,
		    uint32_t plan_number, struct changes *out, const struct slots **full)
{
	struct port_ref *port = port_ref_get(dp, host->host, id);
	struct work w = {.dp = dp, .port = id, .full = full};
	int err;

	vec_push(&out->ports, port);
	variants_of(dp, host, id, &w.variants);
	work_init(&w, port, plan_number);
	err = resolve_all(&w);
	if (!err)
		err = want_keys(&w);
	err = changes_take(dp, w.changes, w.nr, err, out, full);
	variants_free(&w.variants);
	free(w.changes);
	free(w.same);
	return err;
}
