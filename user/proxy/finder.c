// SPDX-License-Identifier: GPL-2.0
/* A table of open addressing, at most half full. */
#include "proxy/finder.h"
#include <stdlib.h>
#include "base/mem.h"

#define SLOTS_LEAST 8

void finder_new(struct finder *x, size_t nr)
{
	size_t size = SLOTS_LEAST;

	while (size < nr * 2)
		size *= 2;
	x->slots = xcalloc(size, sizeof(x->slots[0]));
	x->mask = size - 1;
}

void finder_free(struct finder *x)
{
	free(x->slots);
	*x = (struct finder){0};
}

void finder_put(struct finder *x, uint64_t hash, const void *at)
{
	size_t slot = hash & x->mask;

	while (x->slots[slot].at)
		slot = (slot + 1) & x->mask;
	x->slots[slot] = (struct finder_slot){hash, at};
}
