// SPDX-License-Identifier: GPL-2.0
/*
 * Turns by weight. The problem is Tijdeman's chairman assignment. With W the sum, member j may take
 * its k-th turn (from 0) no sooner than turn k*W/w + 1 (else it is one ahead) and no later than
 * (k+1)*W/w, rounded down and up (else it is one behind). Such windows always have a solution, and
 * taking the earliest deadline of those whose window is open finds it. All counts are integers.
 */
#include "base/turns.h"
#include <assert.h>
#include <stdlib.h>
#include "base/mem.h"

#define NOBODY UINT32_MAX

struct candidate {
	uint32_t taken;
	uint32_t deadline; /* last turn that it may take next */
	uint32_t beside;   /* another one whose window opens at the same turn */
};

struct turns {
	struct candidate *of;
	uint32_t *opens; /* at each turn: the first of those whose window opens */
	uint32_t *heap;	 /* those that are open, the earliest deadline first */
	uint32_t nr_open;
	uint32_t sum;
};

static void window_set(struct turns *t, uint32_t j, uint32_t weight)
{
	uint64_t start = (uint64_t)t->of[j].taken * t->sum;
	uint64_t release = start / weight + 1;

	t->of[j].deadline = (uint32_t)((start + t->sum + weight - 1) / weight);
	if (release > t->sum)
		return;
	t->of[j].beside = t->opens[release];
	t->opens[release] = j;
}

static int is_before(const struct turns *t, uint32_t a, uint32_t b)
{
	if (t->of[a].deadline != t->of[b].deadline)
		return t->of[a].deadline < t->of[b].deadline;
	return a < b;
}

static void open_one(struct turns *t, uint32_t j)
{
	uint32_t i = t->nr_open++;

	for (; i && is_before(t, j, t->heap[(i - 1) / 2]); i = (i - 1) / 2)
		t->heap[i] = t->heap[(i - 1) / 2];
	t->heap[i] = j;
}

static uint32_t take_first(struct turns *t)
{
	uint32_t first = t->heap[0], last = t->heap[--t->nr_open], i = 0;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= t->nr_open)
			break;
		if (child + 1 < t->nr_open && is_before(t, t->heap[child + 1], t->heap[child]))
			child++;
		if (!is_before(t, t->heap[child], last))
			break;
		t->heap[i] = t->heap[child];
		i = child;
	}
	t->heap[i] = last;
	return first;
}

void turns_fill(const uint32_t *weights, size_t n, uint16_t *out)
{
	struct turns t = {0};

	for (size_t j = 0; j < n; j++)
		t.sum += weights[j];
	assert(t.sum > 0 && n <= 65536);
	t.of = xcalloc(n, sizeof(*t.of));
	t.heap = xcalloc(n + 1, sizeof(*t.heap));
	t.opens = xcalloc(t.sum + 1, sizeof(*t.opens));
	for (uint32_t turn = 0; turn <= t.sum; turn++)
		t.opens[turn] = NOBODY;
	for (uint32_t j = 0; j < n; j++)
		if (weights[j])
			window_set(&t, j, weights[j]);
	for (uint32_t turn = 1; turn <= t.sum; turn++) {
		uint32_t best;

		for (uint32_t j = t.opens[turn]; j != NOBODY; j = t.of[j].beside)
			open_one(&t, j);
		assert(t.nr_open);
		best = take_first(&t);
		out[turn - 1] = (uint16_t)best;
		t.of[best].taken++;
		window_set(&t, best, weights[best]);
	}
	free(t.of);
	free(t.heap);
	free(t.opens);
}
