// SPDX-License-Identifier: GPL-2.0
/* Charts: exact by weight, even by hash, and few keys move when an endpoint comes. */
#include <stdlib.h>
#include <string.h>
#include "datapath/chart.h"
#include "unit.h"

static void endpoints_init(struct endpoint *of, uint32_t nr)
{
	memset(of, 0, nr * sizeof(*of));
	for (uint32_t i = 0; i < nr; i++) {
		of[i].address[10] = of[i].address[11] = 0xff;
		of[i].address[12] = 10;
		of[i].address[14] = (uint8_t)(i >> 8);
		of[i].address[15] = (uint8_t)i;
		of[i].port = 8080;
		of[i].weight = 1;
	}
}

/* The endpoint at each place; the caller frees. */
static uint16_t *made(enum policy policy, uint32_t size, const struct endpoint *of, uint32_t nr,
		      uint32_t *length)
{
	struct chart *out;

	*length = chart_length(policy, size, of, nr);
	out = calloc(chart_blocks(*length) + 1, sizeof(*out));
	if (*length)
		chart_fill(policy, of, nr, *length, out);
	return out->at;
}

/* How often each has a place, at most a hundred of them. */
static void count(const uint16_t *at, uint32_t length, uint32_t *out)
{
	memset(out, 0, 100 * sizeof(*out));
	for (uint32_t i = 0; i < length; i++)
		out[at[i]]++;
}

TEST(endpoints_that_weigh_the_same_need_no_chart)
{
	struct endpoint of[3];

	endpoints_init(of, 3);
	CU_ASSERT_EQUAL(chart_length(POLICY_LEAST_REQUEST, 0, of, 3), 0);
	CU_ASSERT_EQUAL(chart_length(POLICY_SOURCE_HASH, 0, of, 1), 0);
	for (int i = 0; i < 3; i++)
		of[i].weight = 700;
	CU_ASSERT_EQUAL(chart_length(POLICY_ROUND_ROBIN, 0, of, 3), 0);
	of[2].weight = 701;
	CU_ASSERT_EQUAL(chart_length(POLICY_ROUND_ROBIN, 0, of, 3), 2101);
}

TEST(places_by_weight_are_exact_after_every_one)
{
	static const uint32_t weights[] = {50, 20, 10};
	uint32_t length, seen[3] = {0};
	struct endpoint of[3];
	unsigned wrong = 0;
	uint16_t *at;

	endpoints_init(of, 3);
	for (int i = 0; i < 3; i++)
		of[i].weight = weights[i];
	at = made(POLICY_RANDOM, 0, of, 3, &length);
	CU_ASSERT_EQUAL_FATAL(length, 8);
	for (uint32_t n = 1; n <= length; n++) {
		seen[at[n - 1]]++;
		for (int i = 0; i < 3; i++)
			wrong += labs((long)(seen[i] * 80) - (long)(n * weights[i])) >= 80;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	free(at);
}

TEST(weights_that_are_too_long_are_rounded_and_nobody_is_left_out)
{
	uint32_t length, got[100];
	struct endpoint of[3];
	uint16_t *at;

	endpoints_init(of, 3);
	of[0].weight = 3000000001u;
	of[1].weight = 1000000000u;
	at = made(POLICY_ROUND_ROBIN, 0, of, 3, &length);
	CU_ASSERT_EQUAL_FATAL(length, 10001);
	count(at, length, got);
	CU_ASSERT(got[0] == 7500 && got[1] == 2500 && got[2] == 1);
	free(at);
}

TEST(a_hash_table_is_even_by_weight)
{
	uint32_t length, got[100];
	struct endpoint of[50];
	uint16_t *at;

	endpoints_init(of, 50);
	at = made(POLICY_SOURCE_HASH, 0, of, 50, &length);
	count(at, length, got);
	for (int i = 0; i < 50; i++)
		CU_ASSERT(got[i] == length / 50 || got[i] == length / 50 + 1);
	free(at);
	of[7].weight = 3;
	at = made(POLICY_SOURCE_HASH, 0, of, 50, &length);
	count(at, length, got);
	CU_ASSERT(got[7] > 3 * got[8] - 8 && got[7] < 3 * got[8] + 8);
	free(at);
}

/* Its part of the places that go to others when one endpoint comes to `nr`, in 1/1000. */
static uint32_t moved(uint32_t size, uint32_t nr)
{
	struct endpoint of[101];
	uint32_t before, after, n = 0;
	uint16_t *from, *to;

	endpoints_init(of, nr + 1);
	from = made(POLICY_SOURCE_HASH, size, of, nr, &before);
	to = made(POLICY_SOURCE_HASH, size, of, nr + 1, &after);
	CU_ASSERT_EQUAL_FATAL(before, after);
	for (uint32_t i = 0; i < before; i++)
		n += from[i] != to[i];
	free(from);
	free(to);
	return n * 1000 / before;
}

TEST(few_keys_move_when_an_endpoint_comes)
{
	for (uint32_t nr = 2; nr <= 100; nr += 7)
		CU_ASSERT(moved(0, nr) <= 1000 / (nr + 1) + 50);
	CU_ASSERT(moved(0, 10) <= 150);
	CU_ASSERT(moved(1021, 10) <= 150);
	CU_ASSERT(moved(65537, 10) <= 150);
}

TEST(a_table_has_at_least_the_size_that_is_asked_for)
{
	struct endpoint of[200];

	endpoints_init(of, 200);
	CU_ASSERT_EQUAL(chart_length(POLICY_SOURCE_HASH, 1024, of, 2), 1031);
	CU_ASSERT_EQUAL(chart_length(POLICY_SOURCE_HASH, 65537, of, 2), 65537);
	CU_ASSERT_EQUAL(chart_length(POLICY_SOURCE_HASH, 1, of, 2), 2);
	CU_ASSERT_EQUAL(chart_length(POLICY_SOURCE_HASH, 1, of, 200), 211);
	CU_ASSERT_EQUAL(chart_length(POLICY_SOURCE_HASH, 0, of, 128), 2039);
	CU_ASSERT_EQUAL(chart_length(POLICY_SOURCE_HASH, 0, of, 129), 65537);
	CU_ASSERT_EQUAL(chart_length(POLICY_SOURCE_HASH, 8388608, of, 2), 8388617);
}

/* Other nodes and later versions have to come to the same. */
TEST(a_table_is_what_it_always_was)
{
	static const uint16_t want[] = {7, 0, 3, 7, 2, 5, 5, 2, 3, 1, 1, 4, 4, 7};
	struct endpoint of[10];
	uint32_t length;
	uint16_t *at;

	endpoints_init(of, 10);
	at = made(POLICY_SOURCE_HASH, 0, of, 10, &length);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		CU_ASSERT_EQUAL(at[i], want[i]);
	free(at);
}
