// SPDX-License-Identifier: GPL-2.0
/* The order of turns: exact after every turn, for all small weights and for large odd ones. */
#include <stdlib.h>
#include <string.h>
#include "plan/plan.h"
#include "unit.h"

static uint32_t sum_of(const uint32_t *weights, size_t n)
{
	uint32_t sum = 0;

	for (size_t j = 0; j < n; j++)
		sum += weights[j];
	return sum;
}

/* Over two rounds: every prefix is off by less than 1. */
static bool prefixes_hold(const uint32_t *weights, size_t n, const uint8_t *picks)
{
	int64_t count[SHUNT_MAX_SPLIT] = {0}, sum = sum_of(weights, n);

	for (int64_t turn = 1; turn <= 2 * sum; turn++) {
		uint8_t pick = picks[(turn - 1) % sum];

		if (pick >= n || !weights[pick])
			return false;
		count[pick]++;
		for (size_t j = 0; j < n; j++)
			if (llabs(count[j] * sum - turn * weights[j]) >= sum)
				return false;
	}
	return true;
}

/* Every window within two rounds is off by less than 2. */
static bool windows_hold(const uint32_t *weights, size_t n, const uint8_t *picks)
{
	int64_t sum = sum_of(weights, n);

	for (int64_t start = 0; start < sum; start++) {
		int64_t count[SHUNT_MAX_SPLIT] = {0};

		for (int64_t length = 1; length <= sum; length++) {
			count[picks[(start + length - 1) % sum]]++;
			for (size_t j = 0; j < n; j++)
				if (llabs(count[j] * sum - length * weights[j]) >= 2 * sum)
					return false;
		}
	}
	return true;
}

static bool schedule_holds(const uint32_t *weights, size_t n, bool windows)
{
	uint8_t *picks = xcalloc(sum_of(weights, n), 1);
	bool ok;

	schedule_fill(weights, n, picks);
	ok = prefixes_hold(weights, n, picks) &&
	     (!windows || windows_hold(weights, n, picks));
	free(picks);
	return ok;
}

TEST(all_small_weights_are_exact_after_every_turn)
{
	unsigned bad = 0;

	for (uint32_t a = 1; a <= 12; a++)
		for (uint32_t b = 0; a + b <= 12; b++)
			for (uint32_t c = 0; a + b + c <= 12; c++)
				for (uint32_t d = 0; a + b + c + d <= 12; d++)
					bad += !schedule_holds((uint32_t[]){a, b, c, d}, 4, true);
	CU_ASSERT_EQUAL(bad, 0);
}

TEST(odd_weights_are_exact_after_every_turn)
{
	CU_ASSERT(schedule_holds((uint32_t[]){3, 1}, 2, true));
	CU_ASSERT(schedule_holds((uint32_t[]){33, 33, 34}, 3, true));
	CU_ASSERT(schedule_holds((uint32_t[]){1, 999}, 2, true));
	CU_ASSERT(schedule_holds((uint32_t[]){99, 1}, 2, true));
	CU_ASSERT(schedule_holds((uint32_t[]){2, 2, 3}, 3, true));
	CU_ASSERT(schedule_holds((uint32_t[]){1, 9999}, 2, false));
	CU_ASSERT(schedule_holds((uint32_t[]){4999, 5001}, 2, false));
}

TEST(sixty_four_destinations_of_sum_10000_are_exact)
{
	uint32_t weights[SHUNT_MAX_SPLIT], left = SHUNT_MAX_WEIGHT_SUM;

	for (size_t j = 0; j < SHUNT_MAX_SPLIT - 1; j++) {
		weights[j] = 1 + j * 5 % 311;
		left -= weights[j];
	}
	weights[SHUNT_MAX_SPLIT - 1] = left;
	CU_ASSERT_EQUAL(sum_of(weights, SHUNT_MAX_SPLIT), SHUNT_MAX_WEIGHT_SUM);
	CU_ASSERT(schedule_holds(weights, SHUNT_MAX_SPLIT, false));
}

TEST(random_weights_are_exact_after_every_turn)
{
	unsigned bad = 0;

	srand(1);
	for (int round = 0; round < 300; round++) {
		uint32_t weights[SHUNT_MAX_SPLIT];
		size_t n = 2 + rand() % (SHUNT_MAX_SPLIT - 1);

		for (size_t j = 0; j < n; j++)
			weights[j] = 1 + rand() % (rand() % 4 ? 9 : 150);
		bad += !schedule_holds(weights, n, false);
	}
	CU_ASSERT_EQUAL(bad, 0);
}

TEST(weight_zero_is_never_picked)
{
	uint8_t picks[5];

	schedule_fill((uint32_t[]){0, 5, 0}, 3, picks);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(picks[i], 1);
}
