// SPDX-License-Identifier: GPL-2.0
/* Timers of a proxy's worker run in order, once, and not when they were stopped. */
#include <string.h>
#include "proxy/timer.h"
#include "unit.h"

#define NR 500

struct alarm {
	struct timer timer; /* first */
	int nr_rung;
	int64_t rung_at;
};
static int64_t now, last;
static int nr_disordered;

static void ring(struct worker *w, struct timer *t)
{
	struct alarm *a = (struct alarm *)t;

	(void)w;
	a->nr_rung++;
	a->rung_at = now;
}

static void advance(struct timers *s, int64_t to)
{
	while (now < to)
		timers_run(s, NULL, ++now);
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

TEST(each_runs_when_it_is_due_however_often_it_was_set)
{
	struct timers s = {0};
	static struct alarm alarms[NR];
	int64_t due[NR];
	uint32_t seed = 7;
	int wrong = 0;

	now = 0;
	memset(alarms, 0, sizeof(alarms));
	for (int round = 0; round < 5 * NR; round++) {
		unsigned i = next(&seed) % NR;

		alarms[i].timer.expired = ring;
		switch (next(&seed) % 8) {
		case 0:
			timer_stop(&alarms[i].timer);
			break;
		case 1:
			timer_remove(&s, &alarms[i].timer);
			break;
		default:
			timer_set(&s, &alarms[i].timer, 1 + next(&seed) % 1000);
		}
		due[i] = alarms[i].timer.due;
	}
	for (unsigned i = 0; i < NR; i++)
		due[i] = alarms[i].timer.due;
	advance(&s, 1001);
	for (unsigned i = 0; i < NR; i++)
		wrong += due[i] ? alarms[i].nr_rung != 1 || alarms[i].rung_at != due[i]
				: alarms[i].nr_rung != 0;
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(timers_run(&s, NULL, now), INT64_MAX);
	timers_free(&s);
}

static void ring_in_order(struct worker *w, struct timer *t)
{
	(void)w;
	nr_disordered += t->key < last;
	last = t->key;
}

TEST(the_earliest_runs_first)
{
	struct timers s = {0};
	static struct timer timers[NR];
	uint32_t seed = 3;

	last = nr_disordered = 0;
	memset(timers, 0, sizeof(timers));
	for (unsigned i = 0; i < NR; i++) {
		timers[i].expired = ring_in_order;
		timer_set(&s, &timers[i], 1 + next(&seed) % 10000);
	}
	timers_run(&s, NULL, 20000);
	CU_ASSERT_EQUAL(nr_disordered, 0);
	CU_ASSERT_EQUAL(s.heap.nr, 0);
	timers_free(&s);
}
