// SPDX-License-Identifier: GPL-2.0
/* A binary heap of turns, the earliest first. */
#include "proxy/edf.h"

static void sink(struct edf *e, struct edf_turn turn)
{
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= e->heap.nr)
			break;
		if (child + 1 < e->heap.nr && e->heap.at[child + 1].due < e->heap.at[child].due)
			child++;
		if (turn.due <= e->heap.at[child].due)
			break;
		e->heap.at[i] = e->heap.at[child];
		i = child;
	}
	e->heap.at[i] = turn;
}

void edf_add(struct edf *e, uint32_t who, double weight)
{
	struct edf_turn turn = {e->now + 1 / weight, who};
	size_t i = e->heap.nr;

	vec_push(&e->heap, turn);
	for (; i && e->heap.at[(i - 1) / 2].due > turn.due; i = (i - 1) / 2)
		e->heap.at[i] = e->heap.at[(i - 1) / 2];
	e->heap.at[i] = turn;
}

uint32_t edf_next(struct edf *e)
{
	e->now = e->heap.at[0].due;
	return e->heap.at[0].who;
}

void edf_served(struct edf *e, double weight)
{
	sink(e, (struct edf_turn){e->now + 1 / weight, e->heap.at[0].who});
}

void edf_free(struct edf *e)
{
	vec_free(&e->heap);
}
