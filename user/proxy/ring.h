/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A ring of hashes, each of an endpoint, of "ADDRESS:PORT_N". Envoy has as many points in all,
 * whatever the number of endpoints, so that one more takes points from each of the others: from 10
 * to 11 moves 16 % of the keys. Here each one keeps its points while the ring has room: 9 % move.
 */
#ifndef PROXY_RING_H
#define PROXY_RING_H

#include "proxy/chart.h"

/* How many points there will be: `size` of them or more, but not more than `most`. */
uint32_t ring_size(const struct chart_member *m, size_t nr, uint32_t size, uint32_t most);
/*
 * The points in order: the upper half of a hash above the index of the endpoint; the caller frees.
 * `size` as ring_size() gave it.
 */
uint64_t *ring_make(const struct chart_member *m, size_t nr, uint32_t size);
/* The first point at or behind a hash. */
uint32_t ring_find(const uint64_t *ring, uint32_t size, uint64_t hash);

#endif
