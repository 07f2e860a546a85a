// SPDX-License-Identifier: GPL-2.0
/* Makes charts. */
#include "datapath/chart.h"
#include <stdlib.h>
#include <string.h>
#include "base/inet.h"
#include "base/maglev.h"
#include "base/mem.h"
#include "base/turns.h"

#define LONGEST_EXACT 10000 /* sum of the weights, divided by what all have in common */
/* Of a hash, unless a number is asked for. Another number moves all keys, so there are but two. */
#define PLACES_FEW 2039
#define PLACES_MANY 65537
#define ENDPOINTS_FEW 128

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* In the smallest numbers; those of a sum that is too long are rounded, to 1 at least. */
static uint32_t weights_reduce(const struct endpoint *of, uint32_t nr, uint32_t *out)
{
	uint64_t sum = 0, total = 0;
	uint32_t divisor = 0;

	for (uint32_t i = 0; i < nr; i++) {
		divisor = common_divisor(of[i].weight, divisor);
		sum += of[i].weight;
	}
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t weight = of[i].weight / divisor;

		if (sum / divisor > LONGEST_EXACT)
			weight = ((uint64_t)of[i].weight * LONGEST_EXACT + sum / 2) / sum;
		weight = weight ? weight : 1;
		total += weight;
		if (out)
			out[i] = (uint32_t)weight;
	}
	return (uint32_t)total;
}

static uint32_t prime_from(uint32_t n)
{
	for (;; n++) {
		uint32_t i = 2;

		while ((uint64_t)i * i <= n && n % i)
			i++;
		if ((uint64_t)i * i > n)
			return n;
	}
}

uint32_t chart_length(enum policy policy, uint32_t table_size, const struct endpoint *of,
		      uint32_t nr)
{
	uint32_t i = 1, places = nr > ENDPOINTS_FEW ? PLACES_MANY : PLACES_FEW;

	if (nr < 2)
		return 0;
	if (policy == POLICY_SOURCE_HASH && table_size)
		places = table_size;
	if (policy == POLICY_SOURCE_HASH)
		return prime_from(places > nr ? places : nr);
	while (i < nr && of[i].weight == of[0].weight)
		i++;
	return i == nr ? 0 : weights_reduce(of, nr, NULL);
}

static void fill_by_hash(const struct endpoint *of, uint32_t nr, uint32_t length,
			 struct chart *out)
{
	struct maglev_member *members = xcalloc(nr, sizeof(*members));
	char(*keys)[INET_TEXT + 8] = xcalloc(nr, sizeof(*keys));
	uint32_t *places;

	for (uint32_t i = 0; i < nr; i++) {
		struct inet address;

		memcpy(address.byte, of[i].address, 16);
		inet_print_port(&address, of[i].port, keys[i]);
		members[i] = (struct maglev_member){keys[i], of[i].weight};
	}
	places = maglev_make(members, nr, length);
	for (uint32_t i = 0; i < length; i++)
		out[i / SHUNT_CHART_BLOCK].at[i % SHUNT_CHART_BLOCK] = (uint16_t)places[i];
	free(places);
	free(members);
	free(keys);
}

void chart_fill(enum policy policy, const struct endpoint *of, uint32_t nr, uint32_t length,
		struct chart *out)
{
	uint32_t *weights;
	uint16_t *turns;

	if (policy == POLICY_SOURCE_HASH) {
		fill_by_hash(of, nr, length, out);
		return;
	}
	weights = xcalloc(nr, sizeof(*weights));
	turns = xcalloc(length, sizeof(*turns));
	weights_reduce(of, nr, weights);
	turns_fill(weights, nr, turns);
	memcpy(out, turns, length * sizeof(*turns)); /* blocks follow each other without a gap */
	free(weights);
	free(turns);
}
