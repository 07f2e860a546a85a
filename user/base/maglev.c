// SPDX-License-Identifier: GPL-2.0
/* Makes Maglev's table. */
#include "base/maglev.h"
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "base/mem.h"

#define FREE UINT32_MAX

struct claimant {
	uint32_t at, skip;    /* the place it wants next, and how far the one after that is */
	uint64_t weight, due; /* it claims in rounds whose number times weight reaches `due` */
};

static struct claimant *claimants_of(const struct maglev_member *m, size_t nr, uint32_t size)
{
	struct claimant *out = xcalloc(nr, sizeof(*out));

	for (size_t i = 0; i < nr; i++) {
		size_t length = strlen(m[i].key);

		out[i].at = (uint32_t)(XXH64(m[i].key, length, 0) % size);
		if (size > 1)
			out[i].skip = (uint32_t)(XXH64(m[i].key, length, 1) % (size - 1)) + 1;
		out[i].weight = m[i].weight;
	}
	return out;
}

static void claim(struct claimant *c, uint32_t *places, uint32_t size, uint32_t who)
{
	while (places[c->at] != FREE)
		c->at = (uint32_t)(((uint64_t)c->at + c->skip) % size);
	places[c->at] = who;
}

uint32_t *maglev_make(const struct maglev_member *m, size_t nr, uint32_t size)
{
	struct claimant *claimants = claimants_of(m, nr, size);
	uint32_t *places = xcalloc(size, sizeof(*places));
	uint64_t most = 0, taken = 0;

	for (size_t i = 0; i < nr; i++)
		most = m[i].weight > most ? m[i].weight : most;
	memset(places, 0xff, size * sizeof(*places));
	for (uint64_t round = 1; taken < size; round++)
		for (size_t i = 0; i < nr && taken < size; i++) {
			struct claimant *c = &claimants[i];

			/* the heaviest claims in every round, one of half its weight in every
			 * second */
			if (round * c->weight < c->due)
				continue;
			c->due += most;
			claim(c, places, size, (uint32_t)i);
			taken++;
		}
	free(claimants);
	return places;
}
