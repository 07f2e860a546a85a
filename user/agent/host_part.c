// SPDX-License-Identifier: GPL-2.0
/* Makes the part of a host, and finds out whether it says anything else than before. */
#include "agent/host_part.h"
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "plan/host.h"
#include "snapshot/block.h"

struct host_part *host_part_new(struct plan_host *h)
{
	struct host_part *p = xcalloc(1, sizeof(*p));

	p->host = host_get(h);
	p->size = SIZE_MAX;
	return p;
}

/* ---- places ---- */

/* Those of the part before the last `kept` ones, which are of the part now. */
static void places_take_back(const struct host_part_ground *g, struct host_part *p, size_t kept)
{
	size_t nr = p->places.nr - kept;

	for (size_t i = 0; g->take_back && i < nr; i++)
		g->take_back(p->places.at[i], g->plan.arg);
	if (kept)
		memmove(p->places.at, p->places.at + nr, kept * sizeof(p->places.at[0]));
	p->places.nr = kept;
}

static void places_keep(const struct host_part_ground *g, struct host_part *p,
			const struct table_part *part)
{
	size_t before = p->places.nr;

	for (size_t i = 0; i < part->nr_clusters; i++)
		if (part->clusters[i].place.generation)
			vec_push(&p->places, part->clusters[i].place.state);
	places_take_back(g, p, p->places.nr - before);
}

void host_part_free(const struct host_part_ground *g, struct host_part *p)
{
	places_take_back(g, p, 0);
	vec_free(&p->places);
	host_put(p->host);
	free(p);
}

/* ---- bytes ---- */

/* Two that differ have it in common once in 2^64 times. */
static uint64_t hash_of(const uint8_t *bytes, size_t size)
{
	uint64_t hash = size;

	for (size_t i = 0; i < size; i += sizeof(hash)) {
		uint64_t word = 0;

		memcpy(&word, bytes + i, size - i < sizeof(word) ? size - i : sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 29;
	}
	return hash;
}

/* *bytes NULL: there is none; else the caller frees it. */
static int part_make(struct host_part *p, const struct host_part_ground *g, void **bytes,
		     size_t *size)
{
	struct table_part none = {0}, *part = &none;
	struct arena *arena = arena_new();
	int err = 0;

	*bytes = NULL;
	*size = 0;
	if (snapshot_wants(p->host, &g->plan)) {
		part = snapshot_part(p->host, &g->plan, arena);
		if (g->give)
			g->give(part, g->plan.arg);
		err = part_write(part, bytes, size);
	}
	places_keep(g, p, part);
	arena_free(arena);
	if (err)
		log_error("the proxy cannot be told of %s: %s", p->host->host, strerror(-err));
	return err;
}

/* Those of many hosts go back to the system together. */
static const void *keep(struct host_part_ground *g, const void *bytes, size_t size)
{
	if (!g->fresh)
		g->fresh = arena_new();
	return size ? memcpy(arena_alloc(g->fresh, size), bytes, size) : NULL;
}

bool host_part_learn(struct host_part *p, struct plan_host *h, struct host_part_ground *g)
{
	uint64_t hash, before = p->id;
	void *bytes;
	size_t size;

	host_get(h);
	host_put(p->host);
	p->host = h;
	if (part_make(p, g, &bytes, &size))
		return false;
	hash = hash_of(bytes, size);
	if (size != p->size || hash != p->hash) {
		p->bytes = keep(g, bytes, size);
		p->size = size;
		p->hash = hash;
		p->id = size ? ++g->last_id : 0;
	}
	free(bytes);
	return p->id != before;
}

int host_part_again(struct host_part *p, struct host_part_ground *g)
{
	void *bytes;
	int err = part_make(p, g, &bytes, &p->size);

	if (!err)
		p->bytes = keep(g, bytes, p->size);
	free(bytes);
	return err;
}
