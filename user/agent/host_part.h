/* SPDX-License-Identifier: GPL-2.0 */
/* What the proxies were told of one host, kept as long as the plan's host is the same one. */
#ifndef AGENT_HOST_PART_H
#define AGENT_HOST_PART_H

#include "agent/snapshot.h"
#include "base/vec.h"

/* What parts are made with; see parts_new. */
struct host_part_ground {
	struct snapshot_ground plan;
	void (*give)(struct table_part *part, void *arg); /* their `arg` is that of `plan` */
	void (*take_back)(uint32_t place, void *arg);
	struct arena *fresh; /* bytes that were not told yet; NULL: none */
	uint64_t last_id;
};

struct host_part {
	struct plan_host *host; /* held, so that the pointer means it */
	uint64_t id;		/* 0: the proxy need not know the host */
	uint64_t hash;		/* of the bytes */
	size_t size;		/* SIZE_MAX: nothing was made yet */
	const void *bytes;	/* of `fresh`; NULL: they were told, and can be made again */
	VEC(uint32_t) places;	/* of its clusters, see struct table_place */
};

struct host_part *host_part_new(struct plan_host *h); /* of which nothing is made yet */
void host_part_free(const struct host_part_ground *g, struct host_part *p);
static inline bool host_part_is_new(const struct host_part *p, const struct plan_host *h)
{
	return p->host != h || p->size == SIZE_MAX;
}
/*
 * The part is that of `h` now. True: the proxy has to be told, of other bytes by another number.
 * What cannot be told, which is said, stays what it was.
 */
bool host_part_learn(struct host_part *p, struct plan_host *h, struct host_part_ground *g);
/* Makes the bytes again; -errno, which was said. */
int host_part_again(struct host_part *p, struct host_part_ground *g);

#endif
