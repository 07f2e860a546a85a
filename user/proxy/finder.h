/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Things by the hash of their keys, which they keep themselves: filled once, with room for all from
 * the start, and only read after. Those of one hash are met in the order in which they came.
 */
#ifndef PROXY_FINDER_H
#define PROXY_FINDER_H

#include <stddef.h>
#include <stdint.h>

struct finder_slot {
	uint64_t hash;
	const void *at; /* NULL: free */
};
struct finder {
	struct finder_slot *slots;
	size_t mask;
};

void finder_new(struct finder *x, size_t nr); /* for so many */
void finder_free(struct finder *x);
void finder_put(struct finder *x, uint64_t hash, const void *at);

/* One more word of a key; the first `hash` is 0. */
static inline uint64_t finder_mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

/* for each thing with the hash; `it` a pointer to const of its type */
#define finder_each(x, hash_, it)                                                                  \
	for (size_t i_##it = (hash_) & (x)->mask; ((it) = (x)->slots[i_##it].at);                  \
	     i_##it = (i_##it + 1) & (x)->mask)                                                    \
		if ((x)->slots[i_##it].hash == (hash_))

#endif
