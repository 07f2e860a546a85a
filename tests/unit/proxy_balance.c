// SPDX-License-Identifier: GPL-2.0
/* Which endpoint is next: shares by weight, by load, by priority and as they warm up. */
#include <string.h>
#include "proxy/warmup.h"
#include "proxy_destination.h"

#define SECOND INT64_C(1000000000)

static struct worker worker = {.random = 1};

/* Within 8 standard deviations of a random share. */
static bool is_near(unsigned got, unsigned want, unsigned slack)
{
	return got + slack > want && got < want + slack;
}

TEST(rotation_gives_exact_shares)
{
	struct lasting all = {.clusters.nr_workers = 1};
	struct made m = {
		.table.balancer = BALANCE_ROUND_ROBIN,
		.endpoints = {{.weight = 1}, {.weight = 2}, {.weight = 3}, {.weight = 10}}};
	unsigned got[MADE_MAX];

	made_join(&m, &all, 4);
	made_count(&m, &worker, 1600, got);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(got[i], m.endpoints[i].weight * 100);
	made_drop(&m, &all);
}

TEST(rotation_goes_evenly_over_those_that_are_left)
{
	struct lasting all = {.clusters.nr_workers = 1};
	struct made m = {.table.balancer = BALANCE_ROUND_ROBIN};
	unsigned got[MADE_MAX];

	made_join(&m, &all, 4);
	atomic_store(&m.at[1]->ejected_until, 1);
	atomic_store(&m.d.cluster->ejected, 1);
	made_count(&m, &worker, 301, got);
	CU_ASSERT_EQUAL(got[1], 0);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT(i == 1 || got[i] == 100 || got[i] == 101);
	made_drop(&m, &all);
}

TEST(rotation_is_shared_by_the_workers)
{
	struct lasting all = {.clusters.nr_workers = 2};
	struct worker two = {.random = 2, .index = 1};
	struct made m = {.table.balancer = BALANCE_ROUND_ROBIN};
	struct endpoint *seen[4];

	made_join(&m, &all, 4);
	for (unsigned i = 0; i < 4; i++)
		seen[i] = balance_pick(i % 2 ? &two : &worker, &m.d, NULL);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < i; j++)
			CU_ASSERT_PTR_NOT_EQUAL(seen[i], seen[j]);
	made_drop(&m, &all);
}

TEST(random_shares_follow_the_weights)
{
	struct lasting all = {.clusters.nr_workers = 1};
	struct made m = {.table.balancer = BALANCE_RANDOM,
			 .endpoints = {{.weight = 1}, {.weight = 1}, {.weight = 2}}};
	unsigned got[MADE_MAX];

	made_join(&m, &all, 3);
	made_count(&m, &worker, 40000, got);
	CU_ASSERT(is_near(got[0], 10000, 700));
	CU_ASSERT(is_near(got[1], 10000, 700));
	CU_ASSERT(is_near(got[2], 20000, 800));
	made_drop(&m, &all);
}

TEST(least_request_prefers_who_has_fewer)
{
	struct lasting all = {.clusters.nr_workers = 1};
	struct made m = {.table.balancer = BALANCE_LEAST_REQUEST};
	unsigned got[MADE_MAX];

	made_join(&m, &all, 4);
	atomic_store(&m.at[2]->active, 100);
	made_count(&m, &worker, 16000, got);
	CU_ASSERT(got[2] < 1500); /* both picks were the same: 1 of 16 */
	made_drop(&m, &all);
}

/* Weights 4, 2, 1; the first has 3 requests under way, so it counts as 1 too. */
TEST(least_request_with_weights_divides_them_by_what_is_under_way)
{
	struct lasting all = {.clusters.nr_workers = 1};
	struct made m = {.table.balancer = BALANCE_LEAST_REQUEST,
			 .endpoints = {{.weight = 4}, {.weight = 2}, {.weight = 1}}};
	unsigned got[MADE_MAX];

	made_join(&m, &all, 3);
	made_count(&m, &worker, 7000, got);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT(is_near(got[i], m.endpoints[i].weight * 1000, 4));
	atomic_store(&m.at[0]->active, 3);
	made_count(&m, &worker, 4000, got);
	CU_ASSERT(is_near(got[0], 1000, 4));
	CU_ASSERT(is_near(got[1], 2000, 4));
	CU_ASSERT(is_near(got[2], 1000, 4));
	made_drop(&m, &all);
}

TEST(what_was_tried_is_left_out_while_there_is_another)
{
	static const enum table_balancer all_of[] = {BALANCE_ROUND_ROBIN, BALANCE_RANDOM,
						     BALANCE_LEAST_REQUEST, BALANCE_RING};

	for (unsigned b = 0; b < 4; b++) {
		struct lasting all = {.clusters.nr_workers = 1};
		struct made m = {.table = {.balancer = all_of[b], .hash_size = 1024}};
		struct balance_wish wish = {.has_hash = true, .nr_tried = 3};
		unsigned again = 0;

		made_join(&m, &all, 4);
		atomic_store(&m.at[3]->active, 1000); /* nobody would choose it */
		wish.tried = m.at;
		for (unsigned i = 0; i < 200; i++) {
			wish.hash = worker_random(&worker);
			again += balance_pick(&worker, &m.d, &wish) != m.at[3];
		}
		CU_ASSERT_EQUAL(again, 0);
		wish.nr_tried = 4;
		CU_ASSERT_PTR_NOT_NULL(balance_pick(&worker, &m.d, &wish));
		made_drop(&m, &all);
	}
}

/* ---- warming up ---- */

TEST(warm_up_grows_from_its_least_by_its_aggression)
{
	static const struct table_warmup even = {10 * SECOND, 100000, 1000};
	static const struct table_warmup slow = {10 * SECOND, 100000, 500};

	CU_ASSERT_DOUBLE_EQUAL(warmup_factor(&even, 0, SECOND), 1, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(warmup_factor(&even, 1, 1), 0.1, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(warmup_factor(&even, 1, 5 * SECOND + 1), 0.5, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(warmup_factor(&slow, 1, 5 * SECOND + 1), 0.25, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(warmup_factor(&even, 1, 10 * SECOND + 1), 1, 1e-9);
}

TEST(only_an_endpoint_that_came_later_warms_up)
{
	static const struct table_warmup warmup = {10 * SECOND, 100000, 1000};
	struct lasting all = {.clusters.nr_workers = 1};
	struct made first = {.table = {.balancer = BALANCE_ROUND_ROBIN, .warmup = &warmup}};
	struct made m = first;
	struct worker w = worker;
	unsigned got[MADE_MAX];

	made_join(&first, &all, 3);
	w.now = monotonic_now();
	made_count(&first, &w, 300, got);
	CU_ASSERT(got[0] == 100 && got[1] == 100 && got[2] == 100);
	made_join(&m, &all, 4);
	w.now = m.at[3]->since + 2 * SECOND;
	made_count(&m, &w, 3200, got); /* 1, 1, 1 and 0.2 */
	CU_ASSERT(is_near(got[0], 1000, 5) && is_near(got[3], 200, 5));
	w.now = m.at[3]->since + 10 * SECOND;
	made_count(&m, &w, 400, got);
	CU_ASSERT(got[0] == 100 && got[3] == 100);
	made_leave(&first, &all);
	made_drop(&m, &all);
}

/* ---- limits, of all workers together ---- */

static atomic_uint limited, inside, most, missed;
static atomic_bool ended;

static void *refused_again_and_again(void *arg)
{
	(void)arg;
	while (!atomic_load(&ended))
		if (limit_take(&limited, 1)) /* one is held all the time */
			atomic_fetch_add(&missed, 1);
	return NULL;
}

/* There is room for one beside the one that is held. */
TEST(nobody_is_refused_for_one_that_is_refused)
{
	pthread_t thread;

	CU_ASSERT(limit_take(&limited, 1));
	pthread_create(&thread, NULL, refused_again_and_again, NULL);
	for (unsigned i = 0; i < 500000; i++) {
		if (limit_take(&limited, 2))
			limit_give(&limited);
		else
			atomic_fetch_add(&missed, 1);
	}
	atomic_store(&ended, true);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(atomic_load(&missed), 0);
	limit_give(&limited);
	CU_ASSERT_EQUAL(atomic_load(&limited), 0);
}

static void *taken_and_given(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 200000; i++) {
		if (!limit_take(&limited, 2))
			continue;
		if (atomic_fetch_add(&inside, 1) >= 2)
			atomic_fetch_add(&most, 1);
		atomic_fetch_sub(&inside, 1);
		limit_give(&limited);
	}
	return NULL;
}

TEST(no_more_than_the_limit_have_it_at_one_time)
{
	pthread_t threads[4];

	for (unsigned i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, taken_and_given, NULL);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(atomic_load(&most), 0);
	CU_ASSERT_EQUAL(atomic_load(&limited), 0);
}
