/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The order in which members take turns by weight, so that after every turn each has had its share,
 * off by less than one.
 */
#ifndef BASE_TURNS_H
#define BASE_TURNS_H

#include <stddef.h>
#include <stdint.h>

/* Whose turn each is, an index below n <= 65536; as many turns as the sum of the weights, which is
 * not 0. Weight 0 has no turn. */
void turns_fill(const uint32_t *weights, size_t n, uint16_t *out);

#endif
