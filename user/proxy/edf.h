/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Weighted turns by earliest deadline first: who was served comes back 1/weight later, with the
 * weight that it has by then.
 */
#ifndef PROXY_EDF_H
#define PROXY_EDF_H

#include <stdint.h>
#include "base/vec.h"

struct edf_turn {
	double due;
	uint32_t who;
};
struct edf { /* all zero is empty */
	VEC(struct edf_turn) heap;
	double now; /* when the last turn was due */
};

void edf_add(struct edf *e, uint32_t who, double weight); /* weight > 0 */
/* Whose turn it is; there is someone. edf_served() follows. */
uint32_t edf_next(struct edf *e);
void edf_served(struct edf *e, double weight);
void edf_free(struct edf *e);

#endif
