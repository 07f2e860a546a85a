/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who of a destination's endpoints takes part, by priority, at one state of their health. One is
 * made with the destination, of everyone; each worker makes its own when some are ejected.
 */
#ifndef PROXY_ROSTER_H
#define PROXY_ROSTER_H

#include "proxy/edf.h"
#include "proxy/priority.h"
#include "proxy/snapshot.h"

struct level { /* of one priority */
	struct endpoint **at;
	uint32_t *weights;
	uint32_t *upto; /* sums of them; NULL: they are all the same */
	uint32_t nr;
	uint32_t sum;	 /* of the weights; `nr` when they are all the same */
	uint32_t stride; /* of turns through them, see balance.c */
	struct edf edf;	 /* empty unless it was asked for */
	uint8_t load;	 /* percent of the requests */
};

struct roster {
	unsigned health; /* of the cluster when it was made */
	bool panics;	 /* too few are healthy, so health does not count */
	size_t nr;
	struct priority *priorities; /* healthy ones and all, as the levels */
	struct level levels[];
};

/* `everyone`: whatever their health. Those of weight 0 are in none. */
struct roster *roster_new(const struct destination *d, bool everyone);
void roster_free(struct roster *r); /* NULL is fine */

#endif
