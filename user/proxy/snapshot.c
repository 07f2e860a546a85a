// SPDX-License-Identifier: GPL-2.0
/* Puts parts together to a table in force: those that are new, and those that are there. */
#include "proxy/snapshot.h"
#include <errno.h>
#include "proxy/finder.h"
#include "snapshot/block.h"

#define CONNECT_TIMEOUT (10 * 1000000000ll)

/* ---- reading ---- */

/* One that is being read; nothing is built before all can be. */
struct fresh {
	struct arena *arena; /* NULL: the part is there */
	struct table_part *table;
	struct part *part;
};

static uint64_t id_hash(uint64_t id)
{
	return finder_mix(0, id);
}

static void ids_index(struct finder *ids, const struct snapshot *last)
{
	size_t nr = last ? last->nr_parts : 0;

	finder_new(ids, nr);
	for (size_t i = 0; i < nr; i++)
		finder_put(ids, id_hash(last->parts[i]->id), last->parts[i]);
}

static struct part *part_find(const struct finder *ids, uint64_t id)
{
	const struct part *p;
	uint64_t hash = id_hash(id);

	finder_each (ids, hash, p)
		if (p->id == id)
			return (struct part *)p;
	return NULL;
}

static int fresh_read(struct fresh *f, const struct finder *ids, const struct table_ref *r)
{
	if (r->bytes) {
		f->arena = arena_new();
		return part_read(r->bytes, r->size, f->arena, &f->table);
	}
	f->part = part_find(ids, r->id);
	return f->part ? 0 : -ENOENT;
}

static int parts_read(struct fresh *fresh, const struct snapshot *last, const struct table *t)
{
	struct finder ids;
	int err = 0;

	ids_index(&ids, last);
	for (size_t i = 0; i < t->nr_parts && !err; i++)
		err = fresh_read(&fresh[i], &ids, &t->parts[i]);
	finder_free(&ids);
	for (size_t i = 0; i < t->nr_parts && err; i++)
		arena_free(fresh[i].arena);
	return err;
}

/* ---- building ---- */

static void parts_take(struct snapshot *s, struct lasting *all, const struct table *t,
		       const struct fresh *fresh)
{
	s->parts = arena_alloc(s->arena, t->nr_parts * sizeof(s->parts[0]));
	s->nr_parts = t->nr_parts;
	for (size_t i = 0; i < t->nr_parts; i++) {
		const struct fresh *f = &fresh[i];

		s->parts[i] = f->arena ? part_new(all, t->parts[i].id, f->arena, f->table)
				       : f->part;
		s->parts[i]->refs++;
	}
}

static void passthrough_fill(struct snapshot *s, struct lasting *all)
{
	struct table_cluster *c = arena_alloc(s->arena, sizeof(*c));

	c->name = "PassthroughCluster";
	c->host = c->subset = c->unknown = c->hash_name = c->cookie_path = "";
	c->balancer = BALANCE_ORIGINAL;
	c->connect_timeout = CONNECT_TIMEOUT;
	destination_fill(&s->passthrough, all, s->arena, c);
	s->passed = tally_get(&all->tallies, "", c->name,
			      (struct table_slot){REQUESTS_PASSED, REQUESTS_MOST});
	s->none = tally_get(&all->tallies, "", "",
			    (struct table_slot){REQUESTS_NO_RULE, REQUESTS_MOST});
}

/* Takes over the arena, which holds the table. */
static struct snapshot *snapshot_new(struct lasting *all, struct arena *arena,
				     const struct table *t, const struct fresh *fresh,
				     unsigned nr_workers)
{
	struct snapshot *s = xcalloc(1, sizeof(*s) + nr_workers * sizeof(s->views[0]));

	s->arena = arena;
	s->number = t->number;
	s->nr_workers = nr_workers;
	parts_take(s, all, t, fresh);
	s->lookup = lookup_new(s->parts, s->nr_parts, t->scopes, t->nr_scopes);
	strmap_copy(&s->regexes, &all->regexes.by_text);
	passthrough_fill(s, all);
	atomic_init(&s->users, nr_workers);
	for (unsigned i = 0; i < nr_workers; i++) {
		s->views[i].snapshot = s;
		s->views[i].regexes.shared = &s->regexes;
	}
	return s;
}

int snapshot_read(struct lasting *all, const struct snapshot *last, const void *bytes, size_t size,
		  unsigned nr_workers, struct snapshot **out)
{
	struct arena *arena = arena_new();
	struct fresh *fresh = NULL;
	struct table *t;
	int err = block_read(bytes, size, arena, &t);

	if (!err) {
		fresh = xcalloc(t->nr_parts, sizeof(*fresh));
		err = parts_read(fresh, last, t);
	}
	if (err)
		arena_free(arena);
	else
		*out = snapshot_new(all, arena, t, fresh, nr_workers);
	free(fresh);
	return err;
}

void snapshot_free(struct lasting *all, struct snapshot *s)
{
	destination_give(all, &s->passthrough);
	tally_put(&all->tallies, s->passed);
	tally_put(&all->tallies, s->none);
	strmap_free(&s->regexes);
	lookup_free(s->lookup);
	for (size_t i = 0; i < s->nr_parts; i++)
		if (!--s->parts[i]->refs)
			part_free(all, s->parts[i]);
	arena_free(s->arena);
	free(s);
}

/* ---- in force ---- */

void snapshot_enter(struct snapshot *s, const struct snapshot *last)
{
	for (size_t i = 0; i < s->nr_parts; i++) {
		struct part *p = s->parts[i];

		if (!p->in)
			part_enter(p);
		p->in = s;
	}
	for (size_t i = 0; last && i < last->nr_parts; i++) {
		struct part *p = last->parts[i];

		if (p->in != last)
			continue;
		p->in = NULL;
		part_leave(p);
	}
}

void view_give(struct view *v)
{
	if (!--v->users && v->old)
		atomic_fetch_sub_explicit(&v->snapshot->users, 1, memory_order_release);
}

void view_leave(struct view *v)
{
	v->old = true;
	if (!v->users)
		atomic_fetch_sub_explicit(&v->snapshot->users, 1, memory_order_release);
}
