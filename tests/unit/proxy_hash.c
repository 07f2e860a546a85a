// SPDX-License-Identifier: GPL-2.0
/* Consistent hashing: keys stay where they are, and few move when an endpoint comes. */
#include "proxy/chart.h"
#include "proxy/hash.h"
#include "proxy_destination.h"

#define KEYS 10000

static struct worker worker = {.random = 1};
static struct lasting all = {.clusters.nr_workers = 1};

static void make(struct made *m, enum table_balancer balancer, uint32_t size, size_t nr)
{
	memset(m, 0, sizeof(*m));
	m->table.balancer = balancer;
	m->table.hash_size = size;
	made_join(m, &all, nr);
}

static struct endpoint *of_key(struct made *m, unsigned key)
{
	char text[16];
	struct balance_wish wish = {.has_hash = true};

	wish.hash = hash_bytes(text, (size_t)snprintf(text, sizeof(text), "user-%u", key));
	return balance_pick(&worker, &m->d, &wish);
}

/* Keys of KEYS that go elsewhere. */
static unsigned moved(struct made *from, struct made *to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < KEYS; i++)
		n += of_key(from, i) != of_key(to, i);
	return n;
}

/* 10 -> 11: a perfect hash moves 1 of 11. */
TEST(few_keys_move_when_an_endpoint_comes)
{
	static const struct {
		enum table_balancer balancer;
		uint32_t size;
	} cases[] = {{BALANCE_RING, 1024},
		     {BALANCE_RING, 65536},
		     {BALANCE_MAGLEV, 65537},
		     {BALANCE_MAGLEV, 1021}};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct made ten, eleven;
		unsigned n;

		make(&ten, cases[c].balancer, cases[c].size, 10);
		make(&eleven, cases[c].balancer, cases[c].size, 11);
		n = moved(&ten, &eleven);
		CU_ASSERT(n > KEYS / 20 && n <= KEYS * 15 / 100);
		if (n > KEYS * 15 / 100)
			printf("# %u of %u keys moved\n", n, KEYS);
		made_leave(&ten, &all);
		made_drop(&eleven, &all);
	}
}

TEST(keys_spread_by_the_weights)
{
	static const enum table_balancer balancers[] = {BALANCE_RING, BALANCE_MAGLEV};

	for (unsigned b = 0; b < 2; b++) {
		struct made m = {
			.table = {.balancer = balancers[b], .hash_size = b ? 65537 : 16384},
			.endpoints = {{.weight = 1}, {.weight = 3}, {.weight = 4}}};
		unsigned got[3] = {0};

		made_join(&m, &all, 3);
		for (unsigned i = 0; i < KEYS; i++)
			for (unsigned j = 0; j < 3; j++)
				got[j] += m.at[j] == of_key(&m, i);
		for (unsigned j = 0; j < 3; j++) /* within 15 percent */
			CU_ASSERT(abs((int)(got[j] * 8) - (int)(KEYS * m.endpoints[j].weight)) <
				  (int)(KEYS * m.endpoints[j].weight) * 15 / 100);
		made_drop(&m, &all);
	}
}

/* Of an endpoint that is out, keys go elsewhere, and those of others stay. */
TEST(keys_of_others_stay_when_one_is_ejected)
{
	static const enum table_balancer balancers[] = {BALANCE_RING, BALANCE_MAGLEV};

	for (unsigned b = 0; b < 2; b++) {
		struct endpoint *before[1000];
		struct made m;

		make(&m, balancers[b], 1021, 5);
		for (unsigned i = 0; i < 1000; i++)
			before[i] = of_key(&m, i);
		atomic_store(&m.at[2]->ejected_until, 1);
		atomic_store(&m.d.cluster->ejected, 1);
		for (unsigned i = 0; i < 1000; i++)
			CU_ASSERT(before[i] == m.at[2] ? of_key(&m, i) != m.at[2]
						       : of_key(&m, i) == before[i]);
		made_drop(&m, &all);
	}
}

/* Numbers that must never change: they are what each node of each version agrees on. */
TEST(a_key_goes_to_the_same_endpoint_everywhere)
{
	static const unsigned ring[] = {1, 6, 8, 4, 8, 0, 0, 1, 8, 6, 7, 1},
			      maglev[] = {6, 1, 6, 4, 6, 2, 5, 6, 8, 2, 4, 8};
	struct made of_ring, of_maglev;

	CU_ASSERT_EQUAL(hash_bytes("", 0), UINT64_C(0xef46db3751d8e999));
	CU_ASSERT_EQUAL(hash_bytes("10.0.0.1:80", 11), UINT64_C(0x11facba8043b217));
	make(&of_ring, BALANCE_RING, 1024, 10);
	make(&of_maglev, BALANCE_MAGLEV, 65537, 10);
	for (unsigned i = 0; i < sizeof(ring) / sizeof(ring[0]); i++) {
		CU_ASSERT_PTR_EQUAL(of_key(&of_ring, i), of_ring.at[ring[i]]);
		CU_ASSERT_PTR_EQUAL(of_key(&of_maglev, i), of_maglev.at[maglev[i]]);
	}
	made_leave(&of_ring, &all);
	made_drop(&of_maglev, &all);
}

TEST(a_chart_is_shared_while_nothing_of_it_changes)
{
	struct made one, two, three;
	size_t bytes;

	make(&one, BALANCE_MAGLEV, 65537, 10);
	bytes = all.clusters.chart_bytes;
	CU_ASSERT_EQUAL(bytes, 65537 * 4);
	make(&two, BALANCE_MAGLEV, 65537, 10);
	CU_ASSERT_EQUAL(all.clusters.chart_bytes, bytes);
	make(&three, BALANCE_MAGLEV, 65537, 11);
	CU_ASSERT_EQUAL(all.clusters.chart_bytes, 2 * bytes);
	made_leave(&one, &all);
	CU_ASSERT_EQUAL(all.clusters.chart_bytes, 2 * bytes);
	made_leave(&two, &all);
	made_drop(&three, &all);
}

/* What is left for the last one is 1 MiB. */
TEST(charts_keep_within_their_memory)
{
	struct lasting full = {.clusters.nr_workers = 1,
			       .clusters.chart_bytes = CHARTS_BYTES - (1 << 20)};
	struct made ring = {.table = {.balancer = BALANCE_RING, .hash_size = TABLE_HASH_SIZE_MAX}};
	struct made maglev = {.table = {.balancer = BALANCE_MAGLEV, .hash_size = 4999999}};

	made_join(&ring, &full, 3);
	CU_ASSERT(full.clusters.chart_bytes <= CHARTS_BYTES &&
		  full.clusters.chart_bytes > CHARTS_BYTES - 64);
	made_join(&maglev, &full, 3);
	CU_ASSERT(full.clusters.chart_bytes < CHARTS_BYTES + 8192);
	CU_ASSERT_PTR_NOT_NULL(of_key(&ring, 1));
	CU_ASSERT_PTR_NOT_NULL(of_key(&maglev, 1));
	made_leave(&ring, &full);
	made_leave(&maglev, &full);
	CU_ASSERT_EQUAL(full.clusters.chart_bytes, CHARTS_BYTES - (1 << 20));
	clusters_free(&full.clusters);
}
