/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which records of an array map are in use. A range that nothing points at any more rests for a
 * while before it is given out again, as a program may still be reading it.
 */
#ifndef DATAPATH_SLOTS_H
#define DATAPATH_SLOTS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/vec.h"

#define SLOTS_REST_NS 1000000000ULL
#define SLOT_NONE 0xffffffffU

struct slots_rest {
	uint64_t since; /* CLOCK_MONOTONIC ns */
	uint32_t first, n;
};

struct slots {
	const char *what; /* "endpoint records", for messages */
	uint64_t *used;	  /* bitmap; resting slots count as used */
	uint32_t max, nr_used, nr_resting, hint;
	uint32_t reach; /* those below may be looked at */
	void (*follow)(const struct slots *s, uint32_t from, uint32_t to, void *arg);
	void *arg;
	VEC(struct slots_rest) resting; /* oldest first */
};

void slots_init(struct slots *s, const char *what, uint32_t max);
/*
 * From here on the reach begins at 0 and grows in steps as slots are taken or marked; `follow`
 * makes the records of [from, to) readable. What was given back is taken again before the reach
 * grows.
 */
void slots_follow(struct slots *s,
		  void (*follow)(const struct slots *s, uint32_t from, uint32_t to, void *arg),
		  void *arg);
/* Those below `end` may be looked at. */
void slots_reach(struct slots *s, uint32_t end);
void slots_free(struct slots *s);
/* First of n neighbouring slots, or SLOT_NONE. n = 0 gives 0. */
uint32_t slots_take(struct slots *s, uint32_t n);
/* Gives back a range that was never visible. */
void slots_undo(struct slots *s, uint32_t first, uint32_t n);
/* Marks a range found in use. */
void slots_mark(struct slots *s, uint32_t first, uint32_t n);
bool slots_used(const struct slots *s, uint32_t slot);
/* Nothing points at the range since `now`. */
void slots_rest(struct slots *s, uint32_t first, uint32_t n, uint64_t now);
/* How many ns until the oldest has rested; UINT64_MAX: none rests. */
uint64_t slots_due(const struct slots *s, uint64_t now);
/* Frees what has rested; the caller has let a grace period pass. */
void slots_reclaim(struct slots *s, uint64_t now);

#endif
