/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which endpoint a hash belongs to: a ring or a Maglev table over the endpoints of one priority.
 * Made once and then only read; destinations of one cluster share it, those of a newer table too,
 * while endpoints, weights and size stay. The main thread makes and frees them.
 */
#ifndef PROXY_CHART_H
#define PROXY_CHART_H

#include "base/inet.h"
#include "proxy/cluster.h"

#define CHART_KEY (INET_TEXT + 8)

struct chart_member {
	char key[CHART_KEY]; /* "10.0.0.1:80" */
	uint32_t weight;     /* > 0 */
};

struct chart {
	struct chart *next; /* of its cluster */
	unsigned refs;
	uint64_t made_from; /* hash of it */
	uint32_t nr;
	uint64_t *ring; /* see ring.h; NULL: */
	uint32_t *places;
};

/*
 * With a reference for the caller. All charts of a proxy together have CHARTS_BYTES: one that does
 * not fit is made smaller, which is said.
 */
#define CHARTS_BYTES (256u << 20)
struct chart *chart_get(struct clusters *all, struct cluster *c, const struct table_cluster *t,
			const struct chart_member *m, size_t nr);
void chart_put(struct clusters *all, struct cluster *c, struct chart *chart);
/* Where a hash belongs; the places behind it, in a circle, are for when that one is out. */
uint32_t chart_find(const struct chart *c, uint64_t hash);
/* Index of the endpoint there. */
static inline uint32_t chart_at(const struct chart *c, uint32_t place)
{
	return c->ring ? (uint32_t)c->ring[place] : c->places[place];
}

#endif
