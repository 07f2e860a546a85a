// SPDX-License-Identifier: GPL-2.0
/* Spills requests from a priority whose endpoints fail to the next one, as Envoy does. */
#include "proxy/priority.h"
#include <string.h>

#define OVERPROVISIONED 140 /* percent of its healthy share that a priority can take */

static unsigned capacity(const struct priority *p)
{
	uint64_t share = p->total ? (uint64_t)OVERPROVISIONED * p->usable / p->total : 0;

	return share < 100 ? (unsigned)share : 100;
}

static bool is_avoided(uint32_t avoided, size_t i)
{
	return i < PRIORITIES_AVOIDED && avoided >> i & 1;
}

static unsigned capacities(const struct priority *of, size_t nr, uint32_t avoided)
{
	unsigned sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += is_avoided(avoided, i) ? 0 : capacity(&of[i]);
	return sum < 100 ? sum : 100;
}

bool priorities_suffice(const struct priority *of, size_t nr)
{
	return capacities(of, nr, 0) == 100;
}

void priority_loads(const struct priority *of, size_t nr, uint32_t avoided, uint8_t *load)
{
	unsigned left = 100, sum = capacities(of, nr, avoided);
	size_t first = nr;

	if (!sum) {
		avoided = 0;
		sum = capacities(of, nr, avoided);
	}
	memset(load, 0, nr);
	for (size_t i = 0; sum && i < nr; i++) {
		unsigned part = is_avoided(avoided, i) ? 0 : capacity(&of[i]) * 100 / sum;

		if (part && first == nr)
			first = i;
		load[i] = (uint8_t)(part < left ? part : left);
		left -= load[i];
	}
	/* What rounding has left, and all of it when nobody can take anything. */
	load[first < nr ? first : 0] += (uint8_t)left;
}
