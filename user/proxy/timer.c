// SPDX-License-Identifier: GPL-2.0
/*
 * Timers in a binary heap. Most are set anew long before they are due, so one that is set later
 * than it stands stays where it is and is moved when its place comes up.
 */
#include "proxy/timer.h"

static void place(struct timers *s, size_t i, struct timer *t)
{
	s->heap.at[i] = t;
	t->at = (uint32_t)i + 1;
}

static void rise(struct timers *s, size_t i, struct timer *t)
{
	while (i) {
		struct timer *parent = s->heap.at[(i - 1) / 2];

		if (parent->key <= t->key)
			break;
		place(s, i, parent);
		i = (i - 1) / 2;
	}
	place(s, i, t);
}

static void sink(struct timers *s, size_t i, struct timer *t)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= s->heap.nr)
			break;
		if (child + 1 < s->heap.nr && s->heap.at[child + 1]->key < s->heap.at[child]->key)
			child++;
		if (t->key <= s->heap.at[child]->key)
			break;
		place(s, i, s->heap.at[child]);
		i = child;
	}
	place(s, i, t);
}

void timer_remove(struct timers *s, struct timer *t)
{
	size_t i = t->at - 1;
	struct timer *last;

	t->due = 0;
	if (!t->at)
		return;
	t->at = 0;
	last = s->heap.at[--s->heap.nr];
	if (last == t)
		return;
	if (i && s->heap.at[(i - 1) / 2]->key > last->key)
		rise(s, i, last);
	else
		sink(s, i, last);
}

void timer_set(struct timers *s, struct timer *t, int64_t due)
{
	t->due = due;
	if (t->at && t->key <= due)
		return;
	if (!t->at) {
		vec_push(&s->heap, t);
		t->at = (uint32_t)s->heap.nr;
	}
	t->key = due;
	rise(s, t->at - 1, t);
}

int64_t timers_run(struct timers *s, struct worker *w, int64_t now)
{
	while (s->heap.nr && s->heap.at[0]->key <= now) {
		struct timer *t = s->heap.at[0];
		int64_t due = t->due;

		if (due > now) {
			t->key = due;
			sink(s, 0, t);
			continue;
		}
		timer_remove(s, t);
		if (due)
			t->expired(w, t);
	}
	return s->heap.nr ? s->heap.at[0]->key : INT64_MAX;
}
