/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Maglev's table: each endpoint claims places in an order of its own, in turns, until all are
 * taken. Made as Envoy makes it.
 */
#ifndef PROXY_MAGLEV_H
#define PROXY_MAGLEV_H

#include "proxy/chart.h"

/* Of `size` places, a prime, the index of the endpoint at each; the caller frees. */
uint32_t *maglev_make(const struct chart_member *m, size_t nr, uint32_t size);

#endif
