// SPDX-License-Identifier: GPL-2.0
/*
 * The order in which destinations take turns, so that after every turn each has had its share, off
 * by less than one.
 *
 * The problem is Tijdeman's chairman assignment. With W the sum, destination j may take its k-th
 * turn (from 0) no sooner than turn k*W/w + 1 (else it is one ahead) and no later than (k+1)*W/w,
 * rounded down and up (else it is one behind). Such windows always have a solution, and taking
 * the earliest deadline of those whose window is open finds it. All counts are integers.
 */
#include <assert.h>
#include "plan/plan.h"

struct candidate {
	uint32_t taken;
	uint32_t release;  /* first turn that it may take next */
	uint32_t deadline; /* last turn for that */
};

static void window_set(struct candidate *c, uint32_t weight, uint32_t sum)
{
	uint64_t start = (uint64_t)c->taken * sum;

	c->release = start / weight + 1;
	c->deadline = (start + sum + weight - 1) / weight;
}

void schedule_fill(const uint32_t *weights, size_t n, uint8_t *out)
{
	struct candidate candidates[SHUNT_MAX_SPLIT] = {0};
	uint32_t sum = 0;

	assert(n > 0 && n <= SHUNT_MAX_SPLIT);
	for (size_t j = 0; j < n; j++)
		sum += weights[j];
	for (size_t j = 0; j < n; j++)
		if (weights[j])
			window_set(&candidates[j], weights[j], sum);
	for (uint32_t turn = 1; turn <= sum; turn++) {
		size_t best = n;

		for (size_t j = 0; j < n; j++)
			if (weights[j] && candidates[j].release <= turn &&
			    (best == n || candidates[j].deadline < candidates[best].deadline))
				best = j;
		assert(best < n);
		out[turn - 1] = best;
		candidates[best].taken++;
		window_set(&candidates[best], weights[best], sum);
	}
}
