/* SPDX-License-Identifier: GPL-2.0 */
/* Which part of the requests each priority of endpoints gets, by how healthy they are. */
#ifndef PROXY_PRIORITY_H
#define PROXY_PRIORITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRIORITIES_AVOIDED 32 /* the first ones, that a retry can leave out */

struct priority {
	uint32_t usable, total; /* endpoints */
};

/*
 * Percents, which add up to 100: each priority takes 1.4 times its healthy share of what the ones
 * before it have left. Those with their bit in `avoided` get nothing while another one can take it.
 */
void priority_loads(const struct priority *of, size_t nr, uint32_t avoided, uint8_t *load);
/* Together they can take everything. */
bool priorities_suffice(const struct priority *of, size_t nr);

#endif
