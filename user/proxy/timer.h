/* SPDX-License-Identifier: GPL-2.0 */
/* What a worker has to do later: timers ordered by when they are due, in nanoseconds. */
#ifndef PROXY_TIMER_H
#define PROXY_TIMER_H

#include <stdint.h>
#include "base/vec.h"

struct worker;

struct timer {	     /* all zero but `expired`: not set */
	int64_t due; /* 0: not set */
	int64_t key; /* its place in the heap, at most `due` */
	uint32_t at; /* index in the heap + 1; 0: not there */
	void (*expired)(struct worker *w, struct timer *t);
};
struct timers { /* all zero is empty */
	VEC(struct timer *) heap;
};

void timer_set(struct timers *s, struct timer *t, int64_t due);
/* It stays in the heap, which costs nothing, until its time: for one that is soon set again. */
static inline void timer_stop(struct timer *t)
{
	t->due = 0;
}
void timer_remove(struct timers *s, struct timer *t); /* before its memory goes */
/* Runs what is due. Returns when the next one is to be looked at; INT64_MAX: there is none. */
int64_t timers_run(struct timers *s, struct worker *w, int64_t now);
static inline void timers_free(struct timers *s)
{
	vec_free(&s->heap);
}

#endif
