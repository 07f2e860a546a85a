// SPDX-License-Identifier: GPL-2.0
/* Which endpoints are left out, for how long, and when they are back. */
#include "proxy/outlier.h"
#include "proxy_destination.h"

#define SECOND INT64_C(1000000000)

static struct worker worker = {.random = 1};

static void fail(struct made *m, size_t i, unsigned times, int64_t now)
{
	while (times--)
		outlier_answered(&m->d, m->at[i], 500, now);
}

static int64_t until(const struct made *m, size_t i)
{
	return atomic_load(&m->at[i]->ejected_until);
}

static unsigned out(const struct made *m)
{
	unsigned n = 0;

	for (size_t i = 0; i < m->table.nr_endpoints; i++)
		n += until(m, i) != 0;
	return n;
}

TEST(a_success_ends_a_run_of_errors)
{
	static const struct table_outlier o = {.consecutive_5xx = 3,
					       .interval = 10,
					       .base_ejection_time = 100,
					       .max_ejection_percent = 100};
	struct lasting all = {.clusters.nr_workers = 1};
	struct made m = {.table.outlier = &o};

	made_join(&m, &all, 4);
	fail(&m, 0, 2, 1);
	outlier_answered(&m.d, m.at[0], 200, 1);
	fail(&m, 0, 2, 1);
	CU_ASSERT_EQUAL(until(&m, 0), 0);
	fail(&m, 0, 1, 1);
	CU_ASSERT_EQUAL(until(&m, 0), 101);
	fail(&m, 0, 3, 2); /* what was under way: it is out already */
	CU_ASSERT_EQUAL(until(&m, 0), 101);
	made_drop(&m, &all);
}

/* With 1, 2, 3 and 10 endpoints that all fail: how many may be out at each share. */
TEST(never_more_are_out_than_the_share_allows)
{
	static const struct {
		size_t nr;
		unsigned percent, out;
	} cases[] = {{1, 10, 0},  {1, 99, 0},  {1, 100, 1}, {2, 10, 0}, {2, 50, 1}, {2, 99, 1},
		     {2, 100, 2}, {3, 33, 0},  {3, 34, 1},  {3, 66, 1}, {3, 67, 2}, {3, 100, 3},
		     {10, 10, 1}, {10, 19, 1}, {10, 20, 2}, {9, 10, 0}};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct table_outlier o = {.consecutive_5xx = 1,
					  .interval = 10,
					  .base_ejection_time = 100,
					  .max_ejection_percent = cases[c].percent};
		struct lasting all = {.clusters.nr_workers = 1};
		struct made m = {.table.outlier = &o};

		made_join(&m, &all, cases[c].nr);
		for (size_t i = 0; i < cases[c].nr; i++)
			fail(&m, i, 1, 1);
		CU_ASSERT_EQUAL(out(&m), cases[c].out);
		made_drop(&m, &all);
	}
}

TEST(each_ejection_is_longer_up_to_300_seconds_or_the_base)
{
	static const struct table_outlier short_one = {.base_ejection_time = 2 * SECOND},
					  scenario = {.base_ejection_time = 180 * SECOND},
					  long_one = {.base_ejection_time = 3600 * SECOND};

	CU_ASSERT_EQUAL(outlier_lasts(&short_one, 0), 2 * SECOND);
	CU_ASSERT_EQUAL(outlier_lasts(&short_one, 1), 4 * SECOND);
	CU_ASSERT_EQUAL(outlier_lasts(&short_one, 149), 300 * SECOND);
	CU_ASSERT_EQUAL(outlier_lasts(&short_one, UINT32_MAX), 300 * SECOND);
	CU_ASSERT_EQUAL(outlier_lasts(&scenario, 0), 180 * SECOND);
	CU_ASSERT_EQUAL(outlier_lasts(&scenario, 1), 300 * SECOND);
	CU_ASSERT_EQUAL(outlier_lasts(&scenario, 2), 300 * SECOND);
	CU_ASSERT_EQUAL(outlier_lasts(&long_one, 0), 3600 * SECOND);
	CU_ASSERT_EQUAL(outlier_lasts(&long_one, 5), 3600 * SECOND);
}

/* Sweeps each second; out at 0 for 2 s, back, out again at once for 4 s, then the multiplier falls.
 */
TEST(who_is_back_for_an_interval_is_ejected_for_less_again)
{
	static const struct table_outlier o = {.consecutive_5xx = 1,
					       .interval = SECOND,
					       .base_ejection_time = 2 * SECOND,
					       .max_ejection_percent = 100};
	struct lasting all = {.clusters.nr_workers = 1};
	struct made m = {.table.outlier = &o};
	int64_t t = 1000 * SECOND;

	made_join(&m, &all, 1);
	outlier_sweep(&m.d, t);
	fail(&m, 0, 1, t);
	CU_ASSERT_EQUAL(until(&m, 0), t + 2 * SECOND);
	fail(&m, 0, 1, t + 1); /* a request that was under way: it is out already */
	CU_ASSERT_EQUAL(until(&m, 0), t + 2 * SECOND);
	outlier_sweep(&m.d, t + SECOND);
	CU_ASSERT_EQUAL(out(&m), 1);
	outlier_sweep(&m.d, t + 2 * SECOND - 1); /* no interval has passed */
	CU_ASSERT_EQUAL(out(&m), 1);
	outlier_sweep(&m.d, t + 2 * SECOND);
	CU_ASSERT_EQUAL(out(&m), 0);
	t += 2 * SECOND;
	fail(&m, 0, 1, t);
	CU_ASSERT_EQUAL(until(&m, 0), t + 4 * SECOND);
	t += 4 * SECOND;
	outlier_sweep(&m.d, t);
	CU_ASSERT_EQUAL(out(&m), 0);
	outlier_sweep(&m.d, t + SECOND); /* 2 -> 1 */
	fail(&m, 0, 1, t + SECOND);
	CU_ASSERT_EQUAL(until(&m, 0), t + SECOND + 4 * SECOND);
	for (unsigned i = 5; i < 10; i++)
		outlier_sweep(&m.d, t + i * SECOND);
	fail(&m, 0, 1, t + 10 * SECOND); /* it fell to 0 and not below */
	CU_ASSERT_EQUAL(until(&m, 0), t + 10 * SECOND + 2 * SECOND);
	made_drop(&m, &all);
}

TEST(gateway_errors_have_a_run_of_their_own)
{
	static const struct table_outlier o = {.consecutive_gateway = 2,
					       .interval = 10,
					       .base_ejection_time = 100,
					       .max_ejection_percent = 100};
	struct lasting all = {.clusters.nr_workers = 1};
	struct made m = {.table.outlier = &o};

	made_join(&m, &all, 2);
	outlier_answered(&m.d, m.at[0], 502, 1);
	outlier_answered(&m.d, m.at[0], 500, 1); /* ends the run */
	outlier_answered(&m.d, m.at[0], 503, 1);
	CU_ASSERT_EQUAL(out(&m), 0);
	outlier_answered(&m.d, m.at[0], 504, 1);
	CU_ASSERT_EQUAL(out(&m), 1);
	outlier_failed(&m.d, m.at[1], 503, 1);
	outlier_failed(&m.d, m.at[1], 504, 1);
	CU_ASSERT_EQUAL(out(&m), 2);
	made_drop(&m, &all);
}

TEST(split_local_errors_count_apart_from_answers)
{
	static const struct table_outlier o = {.consecutive_5xx = 2,
					       .consecutive_local = 3,
					       .split_local = true,
					       .interval = 10,
					       .base_ejection_time = 100,
					       .max_ejection_percent = 100};
	struct lasting all = {.clusters.nr_workers = 1};
	struct made m = {.table.outlier = &o};

	made_join(&m, &all, 2);
	fail(&m, 0, 1, 1);
	outlier_failed(&m.d, m.at[0], 503, 1);
	outlier_failed(&m.d, m.at[0], 503, 1);
	CU_ASSERT_EQUAL(out(&m), 0);
	fail(&m, 0, 1,
	     1); /* the second answer in a row, and it was reached: local errors begin anew */
	CU_ASSERT_EQUAL(out(&m), 1);
	outlier_failed(&m.d, m.at[1], 503, 1);
	outlier_failed(&m.d, m.at[1], 503, 1);
	outlier_failed(&m.d, m.at[1], 503, 1);
	CU_ASSERT_EQUAL(out(&m), 2);
	made_drop(&m, &all);
}

TEST(listed_codes_stand_in_place_of_5xx)
{
	static uint16_t codes[] = {429};
	static const struct table_outlier o = {.consecutive_5xx = 1,
					       .interval = 10,
					       .base_ejection_time = 100,
					       .max_ejection_percent = 100,
					       .codes = codes,
					       .nr_codes = 1};
	struct lasting all = {.clusters.nr_workers = 1};
	struct made m = {.table.outlier = &o};

	made_join(&m, &all, 2);
	fail(&m, 0, 5, 1);
	CU_ASSERT_EQUAL(out(&m), 0);
	outlier_answered(&m.d, m.at[0], 429, 1);
	CU_ASSERT_EQUAL(out(&m), 1);
	made_drop(&m, &all);
}

TEST(nobody_left_is_told)
{
	static const struct table_outlier o = {.consecutive_5xx = 1,
					       .interval = 10,
					       .base_ejection_time = 100,
					       .max_ejection_percent = 100};
	static const enum table_balancer all_of[] = {BALANCE_ROUND_ROBIN, BALANCE_LEAST_REQUEST,
						     BALANCE_MAGLEV};

	for (unsigned b = 0; b < 3; b++) {
		struct lasting all = {.clusters.nr_workers = 1};
		struct made m = {.table = {.outlier = &o, .balancer = all_of[b], .hash_size = 101}};
		struct balance_wish wish = {.has_hash = true};

		made_join(&m, &all, 3);
		for (unsigned i = 0; i < 3; i++)
			fail(&m, i, 1, 1);
		CU_ASSERT_PTR_NULL(balance_pick(&worker, &m.d, &wish));
		outlier_sweep(&m.d, 200);
		CU_ASSERT_PTR_NOT_NULL(balance_pick(&worker, &m.d, &wish));
		made_drop(&m, &all);
	}
}

/* 4 endpoints, at least half of which have to be healthy. */
TEST(with_too_few_healthy_ones_all_are_used)
{
	static const struct table_outlier o = {.consecutive_5xx = 1,
					       .interval = 10,
					       .base_ejection_time = 100,
					       .max_ejection_percent = 100,
					       .min_health_percent = 50};
	struct lasting all = {.clusters.nr_workers = 1};
	struct made m = {.table = {.outlier = &o, .balancer = BALANCE_ROUND_ROBIN}};
	unsigned got[MADE_MAX];

	made_join(&m, &all, 4);
	fail(&m, 0, 1, 1);
	fail(&m, 1, 1, 1);
	made_count(&m, &worker, 100, got);
	CU_ASSERT(!got[0] && !got[1] && got[2] == 50 && got[3] == 50);
	fail(&m, 2, 1, 1);
	made_count(&m, &worker, 100, got);
	CU_ASSERT(got[0] == 25 && got[1] == 25 && got[2] == 25 && got[3] == 25);
	made_drop(&m, &all);
}

TEST(when_detection_ends_everyone_is_back)
{
	static const struct table_outlier o = {.consecutive_5xx = 1,
					       .interval = 10,
					       .base_ejection_time = 100,
					       .max_ejection_percent = 100};
	struct lasting all = {.clusters.nr_workers = 1};
	struct made m = {.table.outlier = &o}, after = {0};

	made_join(&m, &all, 2);
	fail(&m, 0, 1, 1);
	CU_ASSERT_EQUAL(out(&m), 1);
	made_join(&after, &all, 2);
	CU_ASSERT_EQUAL(out(&after), 1);
	made_leave(&m, &all);
	CU_ASSERT_EQUAL(out(&after), 0);
	made_drop(&after, &all);
}

static void *failing(void *arg)
{
	struct made *m = arg;

	for (size_t i = 0; i < m->table.nr_endpoints; i++)
		fail(m, i, 1, 1);
	return NULL;
}

TEST(workers_that_eject_at_one_time_keep_to_the_share)
{
	static const struct table_outlier o = {.consecutive_5xx = 1,
					       .interval = 10,
					       .base_ejection_time = 100,
					       .max_ejection_percent = 50};

	for (unsigned round = 0; round < 50; round++) {
		struct lasting all = {.clusters.nr_workers = 1};
		struct made m = {.table.outlier = &o};
		pthread_t threads[4];

		made_join(&m, &all, 20);
		for (unsigned i = 0; i < 4; i++)
			pthread_create(&threads[i], NULL, failing, &m);
		for (unsigned i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(out(&m), 10);
		CU_ASSERT_EQUAL(atomic_load(&m.d.cluster->ejected), 10);
		made_drop(&m, &all);
	}
}

struct picking {
	struct made *m;
	struct worker w;
	unsigned of_nobody; /* picks without an endpoint, or of one that others do not know */
};

static void *picks(void *arg)
{
	struct picking *p = arg;

	for (unsigned i = 0; i < 50000; i++) {
		struct endpoint *e = balance_pick(&p->w, &p->m->d, NULL);

		p->of_nobody += !e || e->cluster != p->m->d.cluster;
		if (e && i % 16 == 0)
			outlier_answered(&p->m->d, e, i % 64 ? 500 : 200, (int64_t)i);
	}
	return NULL;
}

/* At most half of them are out at one time, so there is always somebody. */
TEST(workers_pick_while_others_eject_and_take_back)
{
	static const struct table_outlier o = {.consecutive_5xx = 1,
					       .interval = 1,
					       .base_ejection_time = 100,
					       .max_ejection_percent = 50};
	struct lasting all = {.clusters.nr_workers = 2};
	struct made m = {.table = {.outlier = &o, .balancer = BALANCE_LEAST_REQUEST},
			 .endpoints = {[1] = {.weight = 3}, [5] = {.priority = 1}}};
	struct picking of[2] = {{.m = &m, .w = {.random = 1}},
				{.m = &m, .w = {.random = 2, .index = 1}}};
	pthread_t threads[2];

	made_join(&m, &all, 6);
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, picks, &of[i]);
	for (int64_t now = 0; now < 50000; now++)
		outlier_sweep(&m.d, now);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(of[i].of_nobody, 0);
	}
	outlier_sweep(&m.d, 1 << 30);
	CU_ASSERT_EQUAL(out(&m), 0);
	CU_ASSERT_EQUAL(atomic_load(&m.d.cluster->ejected), 0);
	made_drop(&m, &all);
}
