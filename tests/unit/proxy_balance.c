// SPDX-License-Identifier: GPL-2.0
/* Which endpoint is next, which are left out, and whose turn it is among destinations. */
#include <string.h>
#include "proxy/balance.h"
#include "proxy/outlier.h"
#include "unit.h"

#define NR 4

static struct worker worker = {.random = 1};
static struct clusters clusters = {.nr_workers = 1};

/* A destination of NR endpoints with these weights; NULL: all the same. */
static void make(struct snapshot **out, struct lasting *all, enum table_balancer balancer,
		 const uint32_t *weights, const struct table_outlier *outlier)
{
	struct arena *arena = arena_new();
	struct table *t = arena_alloc(arena, sizeof(*t));
	struct table_cluster *c = arena_alloc(arena, sizeof(*c));

	*all = (struct lasting){.clusters = clusters};
	c->name = "outbound|80||web.test";
	c->unknown = "";
	c->balancer = balancer;
	c->outlier = outlier;
	c->endpoints = arena_alloc(arena, NR * sizeof(c->endpoints[0]));
	c->nr_endpoints = NR;
	for (unsigned i = 0; i < NR; i++) {
		c->endpoints[i].address.byte[15] = (uint8_t)(i + 1);
		c->endpoints[i].port = 80;
		c->endpoints[i].weight = weights ? weights[i] : 1;
	}
	t->clusters = c;
	t->nr_clusters = 1;
	*out = snapshot_new(all, arena, t, 1);
}

static void drop(struct snapshot *s, struct lasting *all)
{
	snapshot_free(all, s);
	clusters_sweep(&all->clusters);
	CU_ASSERT_EQUAL(all->clusters.by_name.nr, 0);
	clusters_free(&all->clusters);
	strmap_free(&all->turns);
	strmap_free(&all->tallies);
}

static void count(const struct destination *d, unsigned picks, unsigned got[NR])
{
	memset(got, 0, NR * sizeof(got[0]));
	for (unsigned i = 0; i < picks; i++) {
		struct endpoint *e = balance_pick(&worker, d, NULL, 0);

		for (unsigned j = 0; e && j < NR; j++)
			got[j] += d->endpoints[j] == e;
	}
}

TEST(rotation_gives_exact_shares)
{
	static const uint32_t weights[NR] = {1, 2, 3, 10};
	struct snapshot *s;
	struct lasting all;
	unsigned got[NR];

	make(&s, &all, BALANCE_ROUND_ROBIN, weights, NULL);
	count(&s->destinations[0], 1600, got);
	for (unsigned i = 0; i < NR; i++)
		CU_ASSERT_EQUAL(got[i], weights[i] * 100);
	drop(s, &all);
}

TEST(random_shares_follow_the_weights)
{
	static const uint32_t weights[NR] = {0, 1, 1, 2};
	struct snapshot *s;
	struct lasting all;
	unsigned got[NR];

	make(&s, &all, BALANCE_RANDOM, weights, NULL);
	count(&s->destinations[0], 40000, got);
	CU_ASSERT_EQUAL(got[0], 0);
	for (unsigned i = 1; i < NR; i++) /* 8 standard deviations */
		CU_ASSERT(got[i] + 800 > weights[i] * 10000 && got[i] < weights[i] * 10000 + 800);
	drop(s, &all);
}

TEST(least_request_prefers_who_has_fewer)
{
	struct snapshot *s;
	struct lasting all;
	unsigned got[NR];

	make(&s, &all, BALANCE_LEAST_REQUEST, NULL, NULL);
	atomic_store(&s->destinations[0].endpoints[2]->active, 100);
	count(&s->destinations[0], 16000, got);
	CU_ASSERT(got[2] < 1500); /* both picks were the same: 1 of 16 */
	drop(s, &all);
}

TEST(what_was_tried_is_left_out_when_there_is_another)
{
	struct snapshot *s;
	struct lasting all;
	struct endpoint *tried[2] = {0};
	unsigned again = 0;

	make(&s, &all, BALANCE_ROUND_ROBIN, NULL, NULL);
	for (unsigned i = 0; i < 100; i++) {
		tried[0] = s->destinations[0].endpoints[i % NR];
		again += balance_pick(&worker, &s->destinations[0], tried, 2) == tried[0];
	}
	CU_ASSERT_EQUAL(again, 0);
	drop(s, &all);
}

TEST(consecutive_errors_eject_up_to_the_share_and_for_a_time)
{
	static const struct table_outlier outlier = {.consecutive_5xx = 3,
						     .interval = 10,
						     .base_ejection_time = 100,
						     .max_ejection_percent = 50};
	struct snapshot *s;
	struct lasting all;
	unsigned got[NR];
	struct destination *d;

	make(&s, &all, BALANCE_RANDOM, NULL, &outlier);
	d = &s->destinations[0];
	outlier_answered(d, d->endpoints[0], 500, 1);
	outlier_answered(d, d->endpoints[0], 500, 1);
	outlier_answered(d, d->endpoints[0], 200, 1);
	outlier_answered(d, d->endpoints[0], 500, 1);
	CU_ASSERT_EQUAL(atomic_load(&d->cluster->ejected), 0);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned n = 0; n < 3; n++)
			outlier_failed(d, d->endpoints[i], 503, 1);
	CU_ASSERT_EQUAL(atomic_load(&d->cluster->ejected), 2);
	count(d, 1000, got);
	CU_ASSERT(!got[0] && !got[1] && got[2] && got[3]);
	outliers_sweep(s, 100);
	CU_ASSERT_EQUAL(atomic_load(&d->cluster->ejected), 2);
	outliers_sweep(s, 111);
	CU_ASSERT_EQUAL(atomic_load(&d->cluster->ejected), 0);
	drop(s, &all);
}

TEST(nobody_left_is_told)
{
	static const struct table_outlier outlier = {.consecutive_5xx = 1,
						     .interval = 10,
						     .base_ejection_time = 100,
						     .max_ejection_percent = 100};
	struct snapshot *s;
	struct lasting all;
	struct destination *d;

	make(&s, &all, BALANCE_LEAST_REQUEST, NULL, &outlier);
	d = &s->destinations[0];
	for (unsigned i = 0; i < NR; i++)
		outlier_answered(d, d->endpoints[i], 503, 1);
	CU_ASSERT_PTR_NULL(balance_pick(&worker, d, NULL, 0));
	drop(s, &all);
}
