// SPDX-License-Identifier: GPL-2.0
/* The order in which the destinations of a route take turns. */
#include <assert.h>
#include <stdlib.h>
#include "base/mem.h"
#include "base/turns.h"
#include "plan/plan.h"

void schedule_fill(const uint32_t *weights, size_t n, uint8_t *out)
{
	uint32_t sum = 0;
	uint16_t *turns;

	assert(n > 0 && n <= SHUNT_MAX_SPLIT);
	for (size_t j = 0; j < n; j++)
		sum += weights[j];
	turns = xcalloc(sum, sizeof(*turns));
	turns_fill(weights, n, turns);
	for (uint32_t turn = 0; turn < sum; turn++)
		out[turn] = (uint8_t)turns[turn];
	free(turns);
}
