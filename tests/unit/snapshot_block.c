// SPDX-License-Identifier: GPL-2.0
/* Blocks and parts: what is written comes back the same, and what is none is refused. */
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

static struct block written(const struct table_part *p)
{
	struct block b = {0};

	CU_ASSERT_EQUAL(part_write(p, &b.bytes, &b.size), 0);
	return b;
}

static struct block table_written(const struct table *t)
{
	struct block b = {0};

	CU_ASSERT_EQUAL(block_write(t, &b.bytes, &b.size), 0);
	return b;
}

static bool same(struct block a, struct block b)
{
	bool yes = a.size == b.size && !memcmp(a.bytes, b.bytes, a.size);

	free(a.bytes);
	free(b.bytes);
	return yes;
}

/* Whether a part reads back, and is written as the same bytes again. */
static bool comes_back(const struct table_part *p)
{
	struct block a = written(p);
	struct arena *arena = arena_new();
	struct table_part *read;
	bool yes = !part_read(a.bytes, a.size, arena, &read) && same(a, written(read));

	arena_free(arena);
	return yes;
}

static bool table_comes_back(const struct table *t)
{
	struct block a = table_written(t);
	struct arena *arena = arena_new();
	struct table *read;
	bool yes = !block_read(a.bytes, a.size, arena, &read) && same(a, table_written(read));

	arena_free(arena);
	return yes;
}

typedef int reader(const void *bytes, size_t size);

static int part_reader(const void *bytes, size_t size)
{
	struct arena *arena = arena_new();
	struct table_part *p;
	int err = part_read(bytes, size, arena, &p);

	arena_free(arena);
	return err;
}

static int block_reader(const void *bytes, size_t size)
{
	struct arena *arena = arena_new();
	struct table *t;
	int err = block_read(bytes, size, arena, &t);

	arena_free(arena);
	return err;
}

/* In a copy, so that a read past its end is seen. */
static int read_size(const void *bytes, size_t size, reader *read)
{
	void *copy = malloc(size);
	int err;

	memcpy(copy, bytes, size);
	err = read(copy, size);
	free(copy);
	return err;
}

TEST(a_part_with_everything_comes_back)
{
	CU_ASSERT(comes_back(&full_part));
}

TEST(a_table_with_everything_comes_back)
{
	CU_ASSERT(table_comes_back(&full_table));
}

TEST(what_is_empty_comes_back)
{
	CU_ASSERT(comes_back(&(struct table_part){0}));
	CU_ASSERT(table_comes_back(&(struct table){0}));
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
	struct table_ref refs[64] = {{0}};
	struct table_part p = {.clusters = clusters, .nr_clusters = 4};

	for (int i = 0; i < 4; i++)
		clusters[i] = (struct table_cluster){.connect_timeout = 1};
	CU_ASSERT(comes_back(&p));
	p = (struct table_part){.ports = ports, .nr_ports = 64};
	CU_ASSERT(comes_back(&p));
	rules[1].matches = matches;
	rules[1].nr_matches = 4;
	ports[0].rules = rules;
	ports[0].nr_rules = 2;
	p.nr_ports = 1;
	CU_ASSERT(comes_back(&p));
	CU_ASSERT(table_comes_back(&(struct table){.parts = refs, .nr_parts = 64}));
}

TEST(what_is_read_says_what_was_written)
{
	struct arena *arena = arena_new();
	struct block b = written(&full_part);
	const struct table_rule *r;
	const struct table_cluster *c;
	struct table_part *p;

	CU_ASSERT_EQUAL_FATAL(part_read(b.bytes, b.size, arena, &p), 0);
	free(b.bytes); /* nothing points into it */
	r = &p->ports[0].rules[0];
	c = r->splits[0].cluster;
	CU_ASSERT_STRING_EQUAL(p->host, full_part.host);
	CU_ASSERT_PTR_EQUAL(c, &p->clusters[0]);
	CU_ASSERT_EQUAL(c->outlier->codes[1], 503);
	CU_ASSERT_EQUAL(c->cookie_ttl, 0);
	CU_ASSERT_EQUAL(p->clusters[1].cookie_ttl, -1);
	CU_ASSERT_STRING_EQUAL(c->endpoints[0].locality, "region/zone");
	CU_ASSERT_EQUAL(r->total, 4);
	CU_ASSERT_EQUAL(memcmp(r->schedule, full_schedule, 4), 0);
	CU_ASSERT_STRING_EQUAL(r->matches[0].headers.at[0].value.text, "jason");
	CU_ASSERT_STRING_EQUAL(r->rewrite->uri, "/");
	CU_ASSERT_PTR_NULL(r->rewrite->regex);
	CU_ASSERT_EQUAL(memcmp(p->ports[0].rules[2].direct_response->body, "a\0b", 4), 0);
	CU_ASSERT_STRING_EQUAL(p->ports[0].domains[1], "*.a");
	CU_ASSERT_STRING_EQUAL(p->ports[0].bytes->name, "default");
	CU_ASSERT_EQUAL(p->entries[1].at, 1);
	arena_free(arena);
}

TEST(a_table_says_which_parts_it_brings)
{
	struct arena *arena = arena_new();
	struct block b = table_written(&full_table);
	const char *bytes = b.bytes;
	struct table *t;

	CU_ASSERT_EQUAL_FATAL(block_read(b.bytes, b.size, arena, &t), 0);
	CU_ASSERT_EQUAL(t->number, 42);
	CU_ASSERT(t->scopes[1].refuse_unknown);
	CU_ASSERT_EQUAL_FATAL(t->nr_parts, 2);
	CU_ASSERT_EQUAL(t->parts[0].id, 3);
	CU_ASSERT_EQUAL(t->parts[0].size, 5);
	CU_ASSERT_EQUAL(memcmp(t->parts[0].bytes, "bytes", 5), 0);
	CU_ASSERT((const char *)t->parts[0].bytes > bytes); /* it is not copied */
	CU_ASSERT((const char *)t->parts[0].bytes < bytes + b.size);
	CU_ASSERT_EQUAL(t->parts[1].id, UINT64_MAX);
	CU_ASSERT_PTR_NULL(t->parts[1].bytes);
	arena_free(arena);
	free(b.bytes);
}

static void check_early_end(struct block b, reader *read)
{
	for (size_t size = 0; size < b.size; size++)
		CU_ASSERT_EQUAL(read_size(b.bytes, size, read), -EBADMSG);
	free(b.bytes);
}

TEST(what_ends_early_is_refused)
{
	check_early_end(written(&full_part), part_reader);
	check_early_end(table_written(&full_table), block_reader);
}

static void check_late_end(struct block b, reader *read)
{
	b.bytes = realloc(b.bytes, b.size + 1);
	((char *)b.bytes)[b.size] = 0;
	CU_ASSERT_EQUAL(read_size(b.bytes, b.size + 1, read), -EBADMSG);
	free(b.bytes);
}

TEST(bytes_after_the_end_are_refused)
{
	check_late_end(written(&full_part), part_reader);
	check_late_end(table_written(&full_table), block_reader);
}

/* Whatever one bit is changed to, it is refused, or it is another part of one form. */
TEST(each_bit_counts)
{
	struct block b = written(&full_part), copy;
	struct table_part *p;

	for (size_t i = 0; i < b.size * 8; i++) {
		struct arena *arena = arena_new();

		((uint8_t *)b.bytes)[i / 8] ^= 1 << i % 8;
		if (!part_read(b.bytes, b.size, arena, &p)) {
			copy = (struct block){malloc(b.size), b.size};
			memcpy(copy.bytes, b.bytes, b.size);
			CU_ASSERT(same(copy, written(p)));
		}
		((uint8_t *)b.bytes)[i / 8] ^= 1 << i % 8;
		arena_free(arena);
	}
	free(b.bytes);
}

/* ---- what is refused at both ends ---- */

static int written_as(const struct table_part *p)
{
	void *bytes;
	size_t size;
	int err = part_write(p, &bytes, &size);

	if (!err)
		free(bytes);
	return err;
}

static int with_cluster(struct table_cluster c)
{
	return written_as(&(struct table_part){.clusters = &c, .nr_clusters = 1});
}

static int with_rule(struct table_rule r)
{
	struct table_port p = {.rules = &r, .nr_rules = 1};

	return written_as(&(struct table_part){
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
	CU_ASSERT_EQUAL(written_as(&(struct table_part){.entries = &entry, .nr_entries = 1}), -EINVAL);
}

TEST(splits_out_of_bounds_are_refused)
{
	static const uint8_t beyond[] = {0, 0, 2, 0};
	struct table_split nothing[] = {{.cluster = &full_clusters[0]}, {.cluster = &full_clusters[0]}};
	struct table_cluster stranger = {0};
	struct table_split strange = {.weight = 1, .cluster = &stranger};

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
	struct block part = written(&(struct table_part){0}), table = table_written(&(struct table){0});
	struct arena *arena = arena_new();
	struct table_part *p;
	struct table *t;

	memset((char *)part.bytes + 4, 0xff, 4);   /* behind the host */
	memset((char *)table.bytes + 12, 0xff, 4); /* behind magic, version and number */
	CU_ASSERT_EQUAL(part_read(part.bytes, part.size, arena, &p), -EBADMSG);
	CU_ASSERT_EQUAL(block_read(table.bytes, table.size, arena, &t), -EBADMSG);
	CU_ASSERT(arena_bytes(arena) < 4096);
	arena_free(arena);
	free(part.bytes);
	free(table.bytes);
}

TEST(a_memfd_holds_the_bytes_and_cannot_change)
{
	struct block b = table_written(&full_table);
	int fd = block_memfd(b.bytes, b.size);
	void *at;

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(lseek(fd, 0, SEEK_END), (off_t)b.size);
	CU_ASSERT_EQUAL(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	CU_ASSERT_EQUAL(pwrite(fd, "x", 1, 0), -1);
	CU_ASSERT_EQUAL(ftruncate(fd, 0), -1);
	at = mmap(NULL, b.size, PROT_READ, MAP_SHARED, fd, 0);
	CU_ASSERT_FATAL(at != MAP_FAILED);
	CU_ASSERT_EQUAL(read_size(at, b.size, block_reader), 0);
	munmap(at, b.size);
	close(fd);
	free(b.bytes);
}
