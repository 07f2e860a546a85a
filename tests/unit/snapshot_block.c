// SPDX-License-Identifier: GPL-2.0
/* Blocks: what is written comes back the same, and what is not a block is refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "snapshot/block.h"
#include "snapshot_full.h"
#include "unit.h"

struct block {
	void *bytes;
	size_t size;
};

static struct block written(const struct table *t)
{
	struct block b = {0};

	CU_ASSERT_EQUAL(block_write(t, &b.bytes, &b.size), 0);
	return b;
}

/* Whether a table reads back, and is written as the same bytes again. */
static bool comes_back(const struct table *t)
{
	struct block a = written(t), b;
	struct arena *arena = arena_new();
	struct table *read;
	bool same = false;

	if (!block_read(a.bytes, a.size, arena, &read)) {
		b = written(read);
		same = a.size == b.size && !memcmp(a.bytes, b.bytes, a.size);
		free(b.bytes);
	}
	arena_free(arena);
	free(a.bytes);
	return same;
}

static int read_size(const void *bytes, size_t size)
{
	struct arena *arena = arena_new();
	void *copy = malloc(size); /* so that a read past its end is seen */
	struct table *t;
	int err;

	memcpy(copy, bytes, size);
	err = block_read(copy, size, arena, &t);
	free(copy);
	arena_free(arena);
	return err;
}

TEST(a_table_with_everything_comes_back)
{
	CU_ASSERT(comes_back(&full_table));
}

TEST(an_empty_table_comes_back)
{
	CU_ASSERT(comes_back(&(struct table){0}));
}

/* The last things of a block have the fewest bytes behind them. */
TEST(lists_of_the_smallest_things_come_back)
{
	struct http_response response = {.status = 404};
	struct http_match matches[4] = {{0}};
	struct table_cluster clusters[4];
	struct table_rule rules[2] = {{.direct_response = &response},
				      {.direct_response = &response}};
	struct table_port ports[64] = {{0}};
	struct table t = {.clusters = clusters, .nr_clusters = 4};

	for (int i = 0; i < 4; i++)
		clusters[i] = (struct table_cluster){.connect_timeout = 1};
	CU_ASSERT(comes_back(&t));
	t = (struct table){.ports = ports, .nr_ports = 64};
	CU_ASSERT(comes_back(&t));
	rules[1].matches = matches;
	rules[1].nr_matches = 4;
	ports[0].rules = rules;
	ports[0].nr_rules = 2;
	t.nr_ports = 1;
	CU_ASSERT(comes_back(&t));
}

TEST(what_is_read_says_what_was_written)
{
	struct arena *arena = arena_new();
	struct block b = written(&full_table);
	const struct table_rule *r;
	const struct table_cluster *c;
	struct table *t;

	CU_ASSERT_EQUAL_FATAL(block_read(b.bytes, b.size, arena, &t), 0);
	free(b.bytes); /* nothing points into it */
	r = &t->ports[0].rules[0];
	c = r->splits[0].cluster;
	CU_ASSERT_EQUAL(t->number, 42);
	CU_ASSERT_PTR_EQUAL(c, &t->clusters[0]);
	CU_ASSERT_EQUAL(c->outlier->codes[1], 503);
	CU_ASSERT_EQUAL(c->cookie_ttl, 0);
	CU_ASSERT_EQUAL(t->clusters[1].cookie_ttl, -1);
	CU_ASSERT_STRING_EQUAL(c->endpoints[0].locality, "region/zone");
	CU_ASSERT_EQUAL(r->total, 4);
	CU_ASSERT_EQUAL(memcmp(r->schedule, full_schedule, 4), 0);
	CU_ASSERT_STRING_EQUAL(r->matches[0].headers.at[0].value.text, "jason");
	CU_ASSERT_STRING_EQUAL(r->rewrite->uri, "/");
	CU_ASSERT_PTR_NULL(r->rewrite->regex);
	CU_ASSERT_EQUAL(memcmp(t->ports[0].rules[2].direct_response->body, "a\0b", 4), 0);
	CU_ASSERT_STRING_EQUAL(t->ports[0].domains[1], "*.a");
	CU_ASSERT_STRING_EQUAL(t->ports[0].bytes->name, "default");
	CU_ASSERT_EQUAL(t->entries[1].at, 1);
	CU_ASSERT(t->scopes[1].refuse_unknown);
	arena_free(arena);
}

TEST(a_block_that_ends_early_is_refused)
{
	struct block b = written(&full_table);

	for (size_t size = 0; size < b.size; size++)
		CU_ASSERT_EQUAL(read_size(b.bytes, size), -EINVAL);
	free(b.bytes);
}

TEST(bytes_after_the_end_are_refused)
{
	struct block b = written(&full_table);

	b.bytes = realloc(b.bytes, b.size + 1);
	((char *)b.bytes)[b.size] = 0;
	CU_ASSERT_EQUAL(read_size(b.bytes, b.size + 1), -EINVAL);
	free(b.bytes);
}

/* Whatever one byte is changed to, it is refused, or it is another table of one form. */
TEST(each_byte_counts)
{
	struct block b = written(&full_table), other;
	struct table *t;

	for (size_t i = 0; i < b.size; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct arena *arena = arena_new();

			((uint8_t *)b.bytes)[i] ^= 1 << bit;
			if (!block_read(b.bytes, b.size, arena, &t)) {
				other = written(t);
				CU_ASSERT(other.size == b.size &&
					  !memcmp(other.bytes, b.bytes, b.size));
				free(other.bytes);
			}
			((uint8_t *)b.bytes)[i] ^= 1 << bit;
			arena_free(arena);
		}
	free(b.bytes);
}

/* ---- what is refused at both ends ---- */

static int written_as(const struct table *t)
{
	void *bytes;
	size_t size;
	int err = block_write(t, &bytes, &size);

	if (!err)
		free(bytes);
	return err;
}

static int with_cluster(struct table_cluster c)
{
	return written_as(&(struct table){.clusters = &c, .nr_clusters = 1});
}

static int with_rule(struct table_rule r)
{
	struct table_port p = {.rules = &r, .nr_rules = 1};

	return written_as(&(struct table){
		.clusters = full_clusters, .nr_clusters = 2, .ports = &p, .nr_ports = 1});
}

TEST(values_out_of_bounds_are_refused)
{
	struct table_endpoint heavy[] = {{.weight = UINT32_MAX}, {.weight = 1}};
	struct table_entry entry = {.at = 1};

	CU_ASSERT_EQUAL(with_cluster((struct table_cluster){.connect_timeout = 1}), 0);
	CU_ASSERT_EQUAL(with_cluster((struct table_cluster){.connect_timeout = 0}), -EINVAL);
	CU_ASSERT_EQUAL(with_cluster((struct table_cluster){.connect_timeout = 1, .balancer = 6}),
			-EINVAL);
	CU_ASSERT_EQUAL(
		with_cluster((struct table_cluster){.connect_timeout = 1, .cookie_ttl = -2}),
		-EINVAL);
	CU_ASSERT_EQUAL(with_cluster((struct table_cluster){
				.connect_timeout = 1, .endpoints = heavy, .nr_endpoints = 2}),
			-EINVAL);
	CU_ASSERT_EQUAL(written_as(&(struct table){.entries = &entry, .nr_entries = 1}), -EINVAL);
}

TEST(splits_out_of_bounds_are_refused)
{
	static const uint8_t beyond[] = {0, 0, 2, 0};
	struct table_split nothing[] = {{0, &full_clusters[0], NULL}, {0, &full_clusters[0], NULL}};
	struct table_cluster stranger = {0};
	struct table_split strange = {1, &stranger, NULL};

	CU_ASSERT_EQUAL(with_rule(full_rules[0]), 0);
	CU_ASSERT_EQUAL(with_rule((struct table_rule){.name = ""}), -EINVAL);
	CU_ASSERT_EQUAL(with_rule((struct table_rule){.splits = full_splits,
						      .nr_splits = 2,
						      .total = 3,
						      .schedule = full_schedule}),
			-EINVAL);
	CU_ASSERT_EQUAL(
		with_rule((struct table_rule){.splits = full_splits, .nr_splits = 2, .total = 4}),
		-EINVAL);
	CU_ASSERT_EQUAL(
		with_rule((struct table_rule){
			.splits = full_splits, .nr_splits = 2, .total = 4, .schedule = beyond}),
		-EINVAL);
	CU_ASSERT_EQUAL(with_rule((struct table_rule){
				.splits = nothing, .nr_splits = 2, .schedule = full_schedule}),
			-EINVAL);
	CU_ASSERT_EQUAL(
		with_rule((struct table_rule){.splits = &strange, .nr_splits = 1, .total = 1}),
		-EINVAL);
}

/* A count that promises more than the bytes can hold costs no memory. */
TEST(a_large_count_in_a_small_block_allocates_nothing)
{
	struct block b = written(&(struct table){0});
	struct arena *arena = arena_new();
	struct table *t;

	memset((char *)b.bytes + 12, 0xff, 4); /* behind magic, version and number */
	CU_ASSERT_EQUAL(block_read(b.bytes, b.size, arena, &t), -EINVAL);
	CU_ASSERT(arena_bytes(arena) < 4096);
	arena_free(arena);
	free(b.bytes);
}

TEST(a_memfd_holds_the_bytes_and_cannot_change)
{
	struct block b = written(&full_table);
	int fd = block_memfd(b.bytes, b.size);
	void *at;

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(lseek(fd, 0, SEEK_END), (off_t)b.size);
	CU_ASSERT_EQUAL(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	CU_ASSERT_EQUAL(pwrite(fd, "x", 1, 0), -1);
	CU_ASSERT_EQUAL(ftruncate(fd, 0), -1);
	at = mmap(NULL, b.size, PROT_READ, MAP_SHARED, fd, 0);
	CU_ASSERT_FATAL(at != MAP_FAILED);
	CU_ASSERT_EQUAL(read_size(at, b.size), 0);
	munmap(at, b.size);
	close(fd);
	free(b.bytes);
}
