// SPDX-License-Identifier: GPL-2.0
/* Tables that follow each other: what they share, and what is left of those that are gone. */
#include <errno.h>
#include "proxy/snapshot.h"
#include "snapshot/block.h"
#include "snapshot_full.h"
#include "unit.h"

enum { NR_WORKERS = 2 };

/* A host with an endpoint at each of these addresses: 10.0.0.N. */
struct host {
	const char *name; /* "a" */
	struct table_endpoint endpoints[4];
	struct table_cluster cluster;
	struct table_split split;
	struct table_rule rule;
	struct table_port port;
	struct table_part part;
	struct string_match origin; /* an expression; how 0: none */
	struct http_cors cors;
};

static void host_make(struct host *h, const char *name, size_t nr_endpoints)
{
	*h = (struct host){.name = name, .origin = {MATCH_REGEX, "https://.*"}};
	for (size_t i = 0; i < nr_endpoints; i++)
		h->endpoints[i] = (struct table_endpoint){
			.address = {{[10] = 0xff, 0xff, 10, 0, 0, (uint8_t)i}}, .port = 80, .weight = 1};
	h->cluster = (struct table_cluster){.name = name,
					    .connect_timeout = 1,
					    .cookie_ttl = -1,
					    .endpoints = h->endpoints,
					    .nr_endpoints = nr_endpoints};
	h->split = (struct table_split){.weight = 1, .cluster = &h->cluster};
	h->cors = (struct http_cors){
		.allow_origins = &h->origin, .nr_allow_origins = 1, .max_age = -1};
	h->rule = (struct table_rule){
		.source = name, .splits = &h->split, .nr_splits = 1, .total = 1, .cors = &h->cors};
	h->port = (struct table_port){.port = 80,
				      .everyone = true,
				      .domains = &h->name,
				      .nr_domains = 1,
				      .rules = &h->rule,
				      .nr_rules = 1};
	h->part = (struct table_part){.clusters = &h->cluster,
				      .nr_clusters = 1,
				      .ports = &h->port,
				      .nr_ports = 1};
}

/* One table after another, as the proxy has them. */
struct tables {
	struct lasting lasting;
	struct snapshot *last;
};

static void tables_begin(struct tables *t)
{
	*t = (struct tables){0};
	t->lasting.clusters.nr_workers = t->lasting.tallies.nr_workers = NR_WORKERS;
}

/* `hosts` NULL: the parts are there. 0 or -errno; on success the former one is *old. */
static int follow(struct tables *t, struct host **hosts, const uint64_t *ids, size_t nr,
		  struct snapshot **old)
{
	struct table_ref refs[4] = {0};
	struct table table = {.number = 1, .parts = refs, .nr_parts = nr};
	struct snapshot *s = NULL;
	void *bytes;
	size_t size;
	int err;

	for (size_t i = 0; i < nr; i++) {
		refs[i].id = ids[i];
		if (hosts[i])
			CU_ASSERT_EQUAL(part_write(&hosts[i]->part, (void **)&refs[i].bytes,
						   &refs[i].size),
					0);
	}
	CU_ASSERT_EQUAL_FATAL(block_write(&table, &bytes, &size), 0);
	err = snapshot_read(&t->lasting, t->last, bytes, size, NR_WORKERS, &s);
	for (size_t i = 0; i < nr; i++)
		free((void *)refs[i].bytes);
	free(bytes);
	if (err)
		return err;
	snapshot_enter(s, t->last);
	*old = t->last;
	t->last = s;
	return 0;
}

static void drop(struct tables *t, struct snapshot *s)
{
	if (s)
		snapshot_free(&t->lasting, s);
	clusters_sweep(&t->lasting.clusters);
}

static void tables_end(struct tables *t)
{
	drop(t, t->last);
	CU_ASSERT_EQUAL(t->lasting.clusters.by_name.nr, 0);
	CU_ASSERT_EQUAL(t->lasting.tallies.all.nr, 0);
	CU_ASSERT_EQUAL(t->lasting.regexes.by_text.nr, 0);
	clusters_free(&t->lasting.clusters);
	strmap_free(&t->lasting.tallies.all);
	strmap_free(&t->lasting.turns.all);
	strmap_free(&t->lasting.regexes.by_text);
}

static const struct part *part_named(const struct snapshot *s, const char *host)
{
	const struct port *p = lookup_port_by_host(s->lookup, 80, 0, "", http_text(host));

	return p ? p->routes->part : NULL;
}

TEST(what_has_not_changed_is_shared_with_the_table_before)
{
	static const uint64_t one[] = {1, 2}, two[] = {1, 3};
	struct host a, b, b2;
	struct tables t;
	struct snapshot *old;
	const struct part *a_before;
	const struct cluster *b_before;

	host_make(&a, "a", 1);
	host_make(&b, "b", 2);
	host_make(&b2, "b", 1);
	tables_begin(&t);
	CU_ASSERT_EQUAL_FATAL(follow(&t, (struct host *[]){&a, &b}, one, 2, &old), 0);
	a_before = part_named(t.last, "a");
	b_before = part_named(t.last, "b")->destinations->cluster;
	CU_ASSERT_EQUAL_FATAL(follow(&t, (struct host *[]){NULL, &b2}, two, 2, &old), 0);
	CU_ASSERT_PTR_EQUAL(part_named(t.last, "a"), a_before);
	CU_ASSERT_PTR_NOT_EQUAL(part_named(t.last, "b"), part_named(old, "b"));
	CU_ASSERT_PTR_EQUAL(part_named(t.last, "b")->destinations->cluster, b_before);
	drop(&t, old);
	CU_ASSERT_PTR_EQUAL(part_named(t.last, "a"), a_before);
	tables_end(&t);
}

TEST(an_endpoint_is_gone_when_no_part_in_force_names_it)
{
	static const uint64_t one[] = {1, 2}, two[] = {3, 2}, three[] = {3};
	struct host a, same, fewer;
	struct tables t;
	struct snapshot *oldest, *old;
	struct endpoint *e;

	host_make(&a, "c", 2);
	host_make(&same, "c", 2); /* another host's part with the same cluster */
	host_make(&fewer, "c", 1);
	tables_begin(&t);
	follow(&t, (struct host *[]){&a, &same}, one, 2, &oldest);
	e = t.last->parts[0]->destinations->endpoints[1];
	CU_ASSERT_FALSE(atomic_load(&e->gone));
	follow(&t, (struct host *[]){&fewer, NULL}, two, 2, &oldest);
	CU_ASSERT_FALSE(atomic_load(&e->gone));
	endpoint_hold(e); /* a connection */
	follow(&t, (struct host *[]){NULL}, three, 1, &old);
	CU_ASSERT(atomic_load(&e->gone));
	drop(&t, oldest);
	drop(&t, old);
	CU_ASSERT_EQUAL(e->cluster->endpoints.nr, 2);
	endpoint_put(e);
	drop(&t, NULL);
	CU_ASSERT_EQUAL(t.last->parts[0]->destinations->cluster->endpoints.nr, 1);
	tables_end(&t);
}

TEST(expressions_live_as_long_as_a_part_that_asks_for_them)
{
	static const uint64_t one[] = {1, 2}, two[] = {3};
	struct host a, b, none;
	struct tables t;
	struct snapshot *old;

	host_make(&a, "a", 1);
	host_make(&b, "b", 1);
	host_make(&none, "a", 1);
	none.origin.how = MATCH_EXACT;
	tables_begin(&t);
	follow(&t, (struct host *[]){&a, &b}, one, 2, &old);
	CU_ASSERT_EQUAL(t.lasting.regexes.by_text.nr, 1);
	CU_ASSERT_PTR_NOT_NULL(regexes_get(&t.last->views[1].regexes, "https://.*"));
	CU_ASSERT_PTR_NULL(regexes_get(&t.last->views[1].regexes, "none")); /* and none is made */
	follow(&t, (struct host *[]){&none}, two, 1, &old);
	CU_ASSERT_PTR_NOT_NULL(regexes_get(&old->views[0].regexes, "https://.*"));
	drop(&t, old);
	CU_ASSERT_EQUAL(t.lasting.regexes.by_text.nr, 0);
	tables_end(&t);
}

TEST(a_table_that_cannot_be_read_leaves_all_as_it_was)
{
	static const uint64_t one[] = {1}, unknown[] = {2, 7};
	struct host a, b;
	struct tables t;
	struct snapshot *old, *before;
	void *bytes;
	size_t size;

	host_make(&a, "a", 1);
	host_make(&b, "b", 1);
	tables_begin(&t);
	follow(&t, (struct host *[]){&a}, one, 1, &old);
	before = t.last;
	CU_ASSERT_EQUAL(follow(&t, (struct host *[]){&b, NULL}, unknown, 2, &old), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(part_write(&b.part, &bytes, &size), 0);
	for (size_t length = 1; length < size; length++) {
		struct table_ref refs[] = {{1, NULL, 0}, {2, bytes, size}, {3, bytes, length}};
		struct table table = {.parts = refs, .nr_parts = 3};
		struct snapshot *s;
		void *block;
		size_t nr;

		CU_ASSERT_EQUAL_FATAL(block_write(&table, &block, &nr), 0);
		CU_ASSERT_EQUAL(
			snapshot_read(&t.lasting, t.last, block, nr, NR_WORKERS, &s), -EBADMSG);
		free(block);
	}
	free(bytes);
	CU_ASSERT_PTR_EQUAL(t.last, before);
	CU_ASSERT_EQUAL(t.lasting.clusters.by_name.nr, 2); /* that of "a", and what passes */
	CU_ASSERT_PTR_NOT_NULL(part_named(t.last, "a"));
	tables_end(&t);
}

TEST(a_part_with_everything_is_built_and_leaves_nothing)
{
	static const uint64_t one[] = {1}, two[] = {1};
	struct host full = {.part = full_part};
	struct tables t;
	struct snapshot *old;

	tables_begin(&t);
	CU_ASSERT_EQUAL_FATAL(follow(&t, (struct host *[]){&full}, one, 1, &old), 0);
	CU_ASSERT_PTR_NOT_NULL(t.lasting.watched);
	/* its bytes count, also when the number is known */
	CU_ASSERT_EQUAL_FATAL(follow(&t, (struct host *[]){&full}, two, 1, &old), 0);
	CU_ASSERT_PTR_NOT_EQUAL(t.last->parts[0], old->parts[0]);
	drop(&t, old);
	tables_end(&t);
	CU_ASSERT_PTR_NULL(t.lasting.watched);
}
