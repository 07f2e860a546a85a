// SPDX-License-Identifier: GPL-2.0
/* Makes rings and finds points on them. */
#include "proxy/ring.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "proxy/hash.h"

#define SIZES 8	 /* of the least size, a ring has at most, or what it must */
#define DIGIT 11 /* bits of a hash that are sorted at a time */

static uint64_t weights_sum(const struct chart_member *m, size_t nr)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += m[i].weight;
	return sum;
}

uint32_t ring_size(const struct chart_member *m, size_t nr, uint32_t size, uint32_t most)
{
	uint32_t least = UINT32_MAX;
	double share, points, of_least;

	for (size_t i = 0; i < nr; i++)
		least = m[i].weight < least ? m[i].weight : least;
	share = (double)least / (double)weights_sum(m, nr);
	/* the lightest one has a whole number of points, which is the same up to SIZES of them */
	of_least = ceil(share * size * SIZES) < size / 2 ? ceil(share * size * SIZES) : size / 2;
	of_least = of_least > ceil(share * size) ? of_least : ceil(share * size);
	points = of_least / share;
	return points < most ? (uint32_t)ceil(points) : most;
}

/* By the upper halves, and those that are the same stay in order. */
static void sort(uint64_t *at, uint32_t nr)
{
	uint64_t *from = at, *to = xcalloc(nr, sizeof(*to)), *swap;

	for (unsigned shift = 32; shift < 64; shift += DIGIT) {
		uint32_t before[1 << DIGIT] = {0}, sum = 0;
		const uint64_t mask = (1 << DIGIT) - 1;

		for (uint32_t i = 0; i < nr; i++)
			before[from[i] >> shift & mask]++;
		for (size_t i = 0; i <= mask; i++) {
			uint32_t count = before[i];

			before[i] = sum;
			sum += count;
		}
		for (uint32_t i = 0; i < nr; i++)
			to[before[from[i] >> shift & mask]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	/* three digits: what was allocated holds the result */
	memcpy(at, from, nr * sizeof(*at));
	free(from == at ? to : from);
}

/* The end of it; printf would take most of the time that a ring takes. */
static char *number_put(char *at, uint32_t n)
{
	char *end = at + 1;

	for (uint32_t rest = n; rest > 9; rest /= 10)
		end++;
	at = end;
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	return end;
}

static uint64_t point_of(const char *text, const char *end)
{
	return hash_bytes(text, (size_t)(end - text)) >> 32 << 32;
}

uint64_t *ring_make(const struct chart_member *m, size_t nr, uint32_t size)
{
	uint64_t *out = xcalloc(size, sizeof(*out)), sum = weights_sum(m, nr), upto = 0;
	uint32_t made = 0;

	for (size_t i = 0; i < nr; i++) {
		char text[CHART_KEY + 16];
		char *end = text + sprintf(text, "%s_", m[i].key);
		double target;

		upto += m[i].weight;
		target = (double)size * (double)upto / (double)sum;
		for (uint32_t n = 0; made < target && made < size; n++)
			out[made++] = point_of(text, number_put(end, n)) | i;
	}
	sort(out, size);
	return out;
}

uint32_t ring_find(const uint64_t *ring, uint32_t size, uint64_t hash)
{
	uint64_t from = hash >> 32 << 32;
	uint32_t low = 0, high = size;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ring[middle] < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low < size ? low : 0;
}
