// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <string.h>
#include "agent/drain_job.h"
#include "unit.h"

/* A port of a host at one address, with two destinations in clusters 1 and 2. */
static struct drain_job *job_new(uint32_t weight1, uint32_t weight2)
{
	static struct inet at = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}};
	const struct plan_host host = {.host = "a.test"};
	const uint32_t scopes[] = {SCOPE_ALL, SCOPE_HOST};
	struct drain_job *j = drain_job_new(&host, 80, IPPROTO_TCP, scopes, 2);
	struct drain_target one = {.cluster = 1, .weight = weight1, .subset = strdup("v1")};
	struct drain_target two = {.cluster = 2, .weight = weight2, .subset = strdup("v2")};

	drain_job_addresses(j, &at, 1);
	vec_push(&j->routes.at[0].targets, one);
	vec_push(&j->routes.at[0].targets, two);
	j->weighs = true;
	return j;
}

static struct drain_reading reading(uint32_t cluster, uint32_t endpoint, uint64_t connected,
				    bool gone)
{
	struct drain_reading r = {
		.key = {.service = {.address = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1},
				    .port = 80, .protocol = IPPROTO_TCP},
			.cluster = cluster, .endpoint = endpoint},
		.tally = {.connected = connected},
		.gone = gone,
	};

	return r;
}

static void tally(struct drain_job *j, const struct drain_reading *list, size_t nr)
{
	drain_job_tally_begin(j);
	for (size_t i = 0; i < nr; i++)
		drain_job_tally(j, &list[i]);
	drain_job_tally_end(j);
}

static uint64_t wished(const struct drain_wishes *w, uint32_t endpoint)
{
	uint64_t n = 0;

	for (size_t i = 0; i < w->list.nr; i++)
		if (w->list.at[i].key.endpoint == endpoint)
			n += w->list.at[i].order.left;
	return n;
}

static void wish(struct drain_job *j, uint64_t steps, uint64_t most, struct drain_wishes *out)
{
	out->list.nr = out->of.nr = 0;
	drain_job_wish(j, steps, &most, out);
	for (size_t i = 0; i < out->list.nr; i++)
		drain_target_moved(out->of.at[i], out->list.at[i].order.left);
}

static void end(struct drain_job *j, struct drain_wishes *w)
{
	vec_free(&w->list);
	vec_free(&w->of);
	drain_job_free(j);
}

TEST(what_is_above_the_new_share_is_the_surplus_rounded_down)
{
	static const struct {
		const char *desc;
		uint32_t weight1, weight2;
		uint64_t live1, live2, surplus;
	} cases[] = {
		{"75/25 to 25/75", 1, 3, 75, 25, 50},
		{"as it should be", 3, 1, 75, 25, 0},
		{"a third of ten", 1, 2, 10, 0, 6},
		{"weight 0", 0, 1, 7, 0, 7},
		{"nowhere to go", 0, 0, 7, 3, 0},
		{"nobody is there", 1, 1, 0, 0, 0},
		{"one too few to split", 1, 1, 1, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct drain_job *j = job_new(cases[i].weight1, cases[i].weight2);
		struct drain_reading list[] = {reading(1, 11, cases[i].live1, false),
					       reading(2, 21, cases[i].live2, false)};
		struct drain_wishes w = {0};

		tally(j, list, 2);
		if (drain_job_surplus(j) != cases[i].surplus)
			CU_FAIL(cases[i].desc);
		end(j, &w);
	}
}

TEST(who_comes_back_to_the_same_place_is_not_sent_away_again)
{
	struct drain_job *j = job_new(1, 3);
	struct drain_reading before[] = {reading(1, 11, 75, false), reading(2, 21, 25, false)};
	struct drain_reading after[] = {reading(1, 11, 37, false), reading(2, 21, 63, false)};
	struct drain_wishes w = {0};

	tally(j, before, 2);
	wish(j, 1, 1000, &w);
	CU_ASSERT_EQUAL(wished(&w, 11), 50);
	tally(j, after, 2);
	CU_ASSERT_EQUAL(drain_job_surplus(j), 0);
	CU_ASSERT_EQUAL(drain_job_moved(j), 50);
	end(j, &w);
}

TEST(those_that_end_by_themselves_are_taken_off_the_surplus)
{
	struct drain_job *j = job_new(1, 3);
	struct drain_reading before[] = {reading(1, 11, 75, false), reading(2, 21, 25, false)};
	struct drain_reading after[] = {reading(1, 11, 45, false), reading(2, 21, 25, false)};
	struct drain_wishes w = {0};

	tally(j, before, 2);
	tally(j, after, 2);
	CU_ASSERT_EQUAL(drain_job_surplus(j), 45 - 18); /* of 70 a quarter is 17.5 */
	end(j, &w);
}

TEST(those_whose_endpoint_is_gone_all_go_and_first)
{
	struct drain_job *j = job_new(1, 1);
	struct drain_reading list[] = {reading(1, 11, 10, false), reading(1, 12, 20, true),
				       reading(2, 21, 6, false), reading(3, 31, 4, true)};
	struct drain_wishes w = {0};

	tally(j, list, 4);
	CU_ASSERT_EQUAL(drain_job_surplus(j), 24);
	wish(j, 2, 1000, &w);
	CU_ASSERT_EQUAL(wished(&w, 12), 10);
	CU_ASSERT_EQUAL(wished(&w, 11) + wished(&w, 21), 0);
	CU_ASSERT_EQUAL(wished(&w, 31), 2);
	end(j, &w);
}

TEST(a_surplus_is_taken_from_all_endpoints_alike)
{
	struct drain_job *j = job_new(0, 1);
	struct drain_reading list[] = {reading(1, 11, 30, false), reading(1, 12, 10, false),
				       reading(1, 13, 0, false)};
	struct drain_wishes w = {0};

	tally(j, list, 3);
	wish(j, 4, 1000, &w);
	CU_ASSERT(wished(&w, 11) == 8 && wished(&w, 12) == 2 && wished(&w, 13) == 0);
	end(j, &w);
}

TEST(a_step_moves_no_more_than_the_most)
{
	struct drain_job *j = job_new(0, 1);
	struct drain_reading list[] = {reading(1, 11, 5000, false)};
	struct drain_wishes w = {0};

	tally(j, list, 1);
	wish(j, 1, 1000, &w);
	CU_ASSERT_EQUAL(wished(&w, 11), 1000);
	end(j, &w);
}

TEST(connections_of_other_ports_callers_and_addresses_do_not_count)
{
	struct drain_job *j = job_new(0, 1);
	struct drain_reading list[] = {reading(1, 11, 1, false), reading(1, 11, 2, false),
				       reading(1, 11, 4, false), reading(1, 11, 8, false)};
	struct drain_wishes w = {0};

	list[0].key.service.port = 81;
	list[1].key.service.scope = SCOPE_FIRST;
	list[2].key.service.address[15] = 2;
	list[3].key.service.protocol = IPPROTO_UDP;
	tally(j, list, 4);
	CU_ASSERT_EQUAL(drain_job_surplus(j), 0);
	end(j, &w);
}

TEST(the_longest_subnet_says_whose_share_counts)
{
	struct drain_job *j = job_new(0, 1);
	struct drain_route narrow = {.narrow = true, .within = {.prefix = 24}};
	struct drain_target here = {.cluster = 1, .weight = 1, .subset = strdup("v1")};
	struct drain_reading list[] = {reading(1, 11, 5, false)};
	struct drain_wishes w = {0};

	memcpy(narrow.within.address.byte, list[0].key.service.address, 16);
	narrow.within.address.byte[15] = 0;
	vec_push(&narrow.targets, here);
	vec_push(&j->routes, narrow);
	tally(j, list, 1);
	CU_ASSERT_EQUAL(drain_job_surplus(j), 0);
	end(j, &w);
}

TEST(callers_from_outside_are_weighed_by_themselves)
{
	struct drain_job *j = job_new(1, 1);
	struct drain_route front = {.narrow = true};
	struct drain_target one = {.cluster = 1, .weight = 1, .subset = strdup("v1")};
	struct drain_reading list[] = {reading(1, 11, 10, false), reading(2, 21, 10, false),
				       reading(1, 11, 10, false), reading(2, 21, 6, false),
				       reading(2, 21, 3, false), reading(2, 21, 1, false)};

	vec_push(&front.targets, one);
	vec_push(&j->outside, j->addresses.at[0]);
	j->front = j->routes.nr;
	vec_push(&j->routes, front);
	j->node_ports[1] = 30080;
	for (size_t i = 2; i < 6; i++)
		list[i].key.service.scope = SCOPE_OUTSIDE;
	for (size_t i = 3; i < 6; i++) {
		list[i].key.service.port = 30080;
		list[i].at_node = i != 4; /* another's address outside */
	}
	list[5].key.service.port = 80; /* another's, at the node */
	tally(j, list, 6);
	CU_ASSERT_EQUAL(j->routes.at[0].targets.at[0].live, 10);
	CU_ASSERT_EQUAL(j->routes.at[1].targets.at[0].live, 10);
	CU_ASSERT_EQUAL(j->routes.at[1].targets.at[1].live, 6);
	CU_ASSERT_EQUAL(drain_job_surplus(j), 6);
	drain_job_free(j);
}
