/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Maglev's table: each member claims places in an order of its own, in turns, until all are taken.
 * Made as Envoy makes it; the same wherever the same members are given in the same order.
 */
#ifndef BASE_MAGLEV_H
#define BASE_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

struct maglev_member {
	const char *key; /* what its places come from */
	uint32_t weight; /* > 0 */
};

/* Of `size` places, a prime, the index of the member at each; the caller frees. */
uint32_t *maglev_make(const struct maglev_member *m, size_t nr, uint32_t size);

#endif
