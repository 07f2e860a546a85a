/* SPDX-License-Identifier: GPL-2.0 */
/* Which endpoint of a pool has each place: by weight, or by hash. */
#ifndef DATAPATH_CHART_H
#define DATAPATH_CHART_H

#include <stdint.h>
#include <shunt/endpoint.h>
#include <shunt/service.h>

/*
 * Places for these endpoints; 0: they need no chart, as each of them has one place. With a hash a
 * prime of at least `table_size`; when that is 0, of a size that few or many endpoints have.
 */
uint32_t chart_length(enum policy policy, uint32_t table_size, const struct endpoint *of,
		      uint32_t nr);
/* The places that chart_length() said, in as many blocks as they take. The same endpoints in the same
 * order have the same places, wherever it is done. */
void chart_fill(enum policy policy, const struct endpoint *of, uint32_t nr, uint32_t length,
		struct chart *out);

static inline uint32_t chart_blocks(uint32_t places)
{
	return (places + SHUNT_CHART_BLOCK - 1) / SHUNT_CHART_BLOCK;
}

#endif
