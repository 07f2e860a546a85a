// SPDX-License-Identifier: GPL-2.0
/* How requests spill from one priority to the next. */
#include "proxy/priority.h"
#include "proxy_destination.h"

static struct worker worker = {.random = 1};

static bool loads_are(const struct priority *of, size_t nr, uint32_t avoided, const char *want)
{
	uint8_t load[4];
	char text[64] = "";

	priority_loads(of, nr, avoided, load);
	for (size_t i = 0; i < nr; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u", i ? " " : "",
			 load[i]);
	if (strcmp(text, want))
		printf("# got %s, want %s\n", text, want);
	return !strcmp(text, want);
}

/* The tables of Envoy's documentation of priority levels. */
TEST(priorities_spill_by_140_percent_of_their_healthy_share)
{
	static const struct {
		unsigned usable[3];
		const char *want;
	} cases[] = {
		{{100, 100, 100}, "100 0 0"}, {{72, 100, 100}, "100 0 0"},
		{{71, 100, 100}, "99 1 0"},   {{50, 100, 100}, "70 30 0"},
		{{25, 100, 100}, "35 65 0"},  {{25, 25, 100}, "35 35 30"},
		{{25, 25, 20}, "37 35 28"},   {{0, 100, 100}, "0 100 0"},
		{{0, 0, 100}, "0 0 100"},     {{0, 0, 0}, "100 0 0"},
	};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct priority of[3];

		for (size_t i = 0; i < 3; i++)
			of[i] = (struct priority){cases[c].usable[i], 100};
		CU_ASSERT(loads_are(of, 3, 0, cases[c].want));
	}
}

TEST(avoided_priorities_serve_when_there_is_no_other)
{
	static const struct priority of[3] = {{2, 2}, {2, 2}, {1, 2}};
	static const struct priority failed[2] = {{2, 2}, {0, 2}};

	CU_ASSERT(loads_are(of, 3, 1, "0 100 0"));
	CU_ASSERT(loads_are(of, 3, 3, "0 0 100"));
	CU_ASSERT(loads_are(of, 3, 7, "100 0 0"));
	CU_ASSERT(loads_are(failed, 2, 1, "100 0"));
}

/* Two near ones and two far ones; nobody goes far while the near ones are healthy. */
TEST(requests_go_far_only_as_near_ones_fail)
{
	struct lasting all = {.clusters.nr_workers = 1};
	struct made m = {.table.balancer = BALANCE_ROUND_ROBIN,
			 .endpoints = {[2] = {.priority = 1}, [3] = {.priority = 1}}};
	struct balance_wish wish = {0};
	unsigned got[MADE_MAX];

	made_join(&m, &all, 4);
	made_count(&m, &worker, 1000, got);
	CU_ASSERT(got[0] == 500 && got[1] == 500);
	wish.avoided = balance_priorities(&m.d, m.at, 1);
	CU_ASSERT_EQUAL(wish.avoided, 1);
	for (unsigned i = 0; i < 100; i++) {
		struct endpoint *e = balance_pick(&worker, &m.d, &wish);

		CU_ASSERT(e == m.at[2] || e == m.at[3]);
	}
	atomic_store(&m.at[0]->ejected_until, 1);
	atomic_store(&m.d.cluster->ejected, 1);
	made_count(&m, &worker, 10000, got); /* 70 percent near */
	CU_ASSERT(got[0] == 0 && got[1] > 6600 && got[1] < 7400);
	CU_ASSERT(got[2] + got[3] == 10000 - got[1] && got[2] - got[3] + 1 <= 2);
	made_drop(&m, &all);
}
