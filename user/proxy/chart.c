// SPDX-License-Identifier: GPL-2.0
/* Keeps charts by what they were made from, within the memory they may have. */
#include "proxy/chart.h"
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/maglev.h"
#include "proxy/hash.h"
#include "proxy/ring.h"

#define RING_LEAST 1024u /* points, whatever the memory */

static uint64_t sum_up(const struct table_cluster *t, const struct chart_member *m, size_t nr)
{
	uint64_t hash = hash_seeded(&t->hash_size, sizeof(t->hash_size), t->balancer);

	for (size_t i = 0; i < nr; i++) {
		hash = hash_seeded(m[i].key, strlen(m[i].key), hash);
		hash = hash_seeded(&m[i].weight, sizeof(m[i].weight), hash);
	}
	return hash;
}

static size_t bytes_of(const struct chart *c)
{
	return c->nr * (c->ring ? sizeof(*c->ring) : sizeof(*c->places));
}

static void tell(const struct table_cluster *t, uint32_t nr, uint32_t wanted)
{
	log_error("proxy: %s hashes over %u entries in place of %u: all such tables of the proxy "
		  "together have %u MiB",
		  t->name, nr, wanted, CHARTS_BYTES >> 20);
}

static void ring_fill(struct chart *c, const struct table_cluster *t, const struct chart_member *m,
		      size_t nr, size_t left)
{
	uint32_t most = (uint32_t)(left / sizeof(*c->ring));
	uint32_t wanted = ring_size(m, nr, t->hash_size, TABLE_HASH_SIZE_MAX);

	most = most > RING_LEAST ? most : RING_LEAST;
	c->nr = wanted < most ? wanted
			      : ring_size(m, nr, most < t->hash_size ? most : t->hash_size, most);
	c->ring = ring_make(m, nr, c->nr);
	if (c->nr < wanted)
		tell(t, c->nr, wanted);
}

static void maglev_fill(struct chart *c, const struct table_cluster *t,
			const struct chart_member *m, size_t nr, size_t left)
{
	static const uint32_t primes[] = {1048573, 262139, 65521, 16381, 4093, 1021};
	struct maglev_member *members = xcalloc(nr, sizeof(*members));
	size_t i = 0;

	c->nr = t->hash_size;
	while (c->nr * sizeof(*c->places) > left && i < sizeof(primes) / sizeof(primes[0])) {
		c->nr = primes[i] < c->nr ? primes[i] : c->nr;
		i++;
	}
	for (size_t j = 0; j < nr; j++)
		members[j] = (struct maglev_member){m[j].key, m[j].weight};
	c->places = maglev_make(members, nr, c->nr);
	free(members);
	if (c->nr < t->hash_size)
		tell(t, c->nr, t->hash_size);
}

struct chart *chart_get(struct clusters *all, struct cluster *cluster,
			const struct table_cluster *t, const struct chart_member *m, size_t nr)
{
	uint64_t made_from = sum_up(t, m, nr);
	size_t left = CHARTS_BYTES > all->chart_bytes ? CHARTS_BYTES - all->chart_bytes : 0;
	struct chart *c = cluster->charts;

	while (c && c->made_from != made_from)
		c = c->next;
	if (!c) {
		c = xcalloc(1, sizeof(*c));
		c->made_from = made_from;
		if (t->balancer == BALANCE_MAGLEV)
			maglev_fill(c, t, m, nr, left);
		else
			ring_fill(c, t, m, nr, left);
		all->chart_bytes += bytes_of(c);
		c->next = cluster->charts;
		cluster->charts = c;
	}
	c->refs++;
	return c;
}

void chart_put(struct clusters *all, struct cluster *cluster, struct chart *c)
{
	struct chart **at = &cluster->charts;

	if (--c->refs)
		return;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	all->chart_bytes -= bytes_of(c);
	free(c->ring);
	free(c->places);
	free(c);
}

uint32_t chart_find(const struct chart *c, uint64_t hash)
{
	return c->ring ? ring_find(c->ring, c->nr, hash) : (uint32_t)(hash % c->nr);
}
