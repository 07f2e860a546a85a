/* SPDX-License-Identifier: GPL-2.0 */
/* Which records of an array map are in use: a bitmap with next fit, and a queue of what rests. */
#include <string.h>
#include "datapath/slots.h"

#define REACH_STEPS 32

void slots_init(struct slots *s, const char *what, uint32_t max)
{
	memset(s, 0, sizeof(*s));
	s->what = what;
	s->max = s->reach = max;
	s->used = xcalloc((max + 63) / 64, sizeof(*s->used));
}

void slots_follow(struct slots *s,
		  void (*follow)(const struct slots *s, uint32_t from, uint32_t to, void *arg),
		  void *arg)
{
	s->reach = 0;
	s->follow = follow;
	s->arg = arg;
}

void slots_reach(struct slots *s, uint32_t end)
{
	uint32_t step = (s->max + REACH_STEPS - 1) / REACH_STEPS, from = s->reach;
	uint32_t to = (end + step - 1) / step * step;

	if (end <= from)
		return;
	s->reach = to < s->max ? to : s->max;
	s->follow(s, from, s->reach, s->arg);
}

void slots_free(struct slots *s)
{
	free(s->used);
	s->used = NULL;
	vec_free(&s->resting);
}

bool slots_used(const struct slots *s, uint32_t slot)
{
	return s->used[slot / 64] >> (slot % 64) & 1;
}

static void set_range(struct slots *s, uint32_t first, uint32_t n, bool used)
{
	for (uint32_t i = first; i < first + n; i++) {
		uint64_t bit = 1ULL << (i % 64);

		if (used && !(s->used[i / 64] & bit))
			s->nr_used++;
		if (!used && s->used[i / 64] & bit)
			s->nr_used--;
		if (used)
			s->used[i / 64] |= bit;
		else
			s->used[i / 64] &= ~bit;
	}
}

/* The first of n free neighbours in [from, to), or SLOT_NONE. */
static uint32_t find(const struct slots *s, uint32_t from, uint32_t to, uint32_t n)
{
	uint32_t run = 0;

	for (uint32_t i = from; i < to; i++) {
		if (!run && i % 64 == 0 && s->used[i / 64] == UINT64_MAX) {
			i += 63;
			continue;
		}
		run = slots_used(s, i) ? 0 : run + 1;
		if (run == n)
			return i + 1 - n;
	}
	return SLOT_NONE;
}

/* The same behind all that is within reach, together with the free ones at its end. */
static uint32_t find_farther(struct slots *s, uint32_t n)
{
	uint32_t last = s->reach;

	slots_reach(s, last + 1);
	return find(s, last < n ? 0 : last - n, s->reach, n);
}

uint32_t slots_take(struct slots *s, uint32_t n)
{
	uint32_t first;

	if (!n)
		return 0;
	if (n > s->max - s->nr_used)
		return SLOT_NONE;
	first = find(s, s->hint, s->reach, n);
	if (first == SLOT_NONE)
		first = find(s, 0, s->reach, n);
	while (first == SLOT_NONE && s->reach < s->max)
		first = find_farther(s, n);
	if (first == SLOT_NONE)
		return SLOT_NONE;
	set_range(s, first, n, true);
	s->hint = first + n < s->max ? first + n : 0;
	return first;
}

void slots_undo(struct slots *s, uint32_t first, uint32_t n)
{
	set_range(s, first, n, false);
}

void slots_mark(struct slots *s, uint32_t first, uint32_t n)
{
	if (first >= s->max || n > s->max - first)
		return;
	slots_reach(s, first + n);
	set_range(s, first, n, true);
}

void slots_rest(struct slots *s, uint32_t first, uint32_t n, uint64_t now)
{
	struct slots_rest r = {.since = now, .first = first, .n = n};

	if (!n)
		return;
	vec_push(&s->resting, r);
	s->nr_resting += n;
}

uint64_t slots_due(const struct slots *s, uint64_t now)
{
	uint64_t due;

	if (!s->resting.nr)
		return UINT64_MAX;
	due = s->resting.at[0].since + SLOTS_REST_NS;
	return due > now ? due - now : 0;
}

void slots_reclaim(struct slots *s, uint64_t now)
{
	size_t done = 0;

	while (done < s->resting.nr && s->resting.at[done].since + SLOTS_REST_NS <= now) {
		set_range(s, s->resting.at[done].first, s->resting.at[done].n, false);
		s->nr_resting -= s->resting.at[done].n;
		done++;
	}
	if (!done)
		return;
	s->resting.nr -= done;
	memmove(s->resting.at, s->resting.at + done, s->resting.nr * sizeof(*s->resting.at));
}
