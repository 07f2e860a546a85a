/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table in force: its parts, and what finds them. The main thread makes and frees it; a worker
 * holds it from one round to a later one, and requests hold it to their end.
 */
#ifndef PROXY_SNAPSHOT_H
#define PROXY_SNAPSHOT_H

#include "http/regex.h"
#include "proxy/lookup.h"
#include "proxy/part.h"

/* What one worker knows of it; the counters are the worker's. */
struct view {
	struct snapshot *snapshot;
	struct regexes regexes; /* shares those of the snapshot */
	unsigned users; /* requests and connections */
	bool old;	/* the worker has another one */
};

struct snapshot {
	struct snapshot *next; /* older; main thread */
	struct arena *arena;
	uint32_t number; /* of the plan */
	struct part **parts;
	size_t nr_parts;
	struct lookup *lookup;
	struct strmap regexes; /* all that its parts can ask for */
	struct destination passthrough; /* to the address that was dialled */
	struct tally *passed, *none;	/* of what no rule took, and of what went as dialled */
	atomic_uint users;		/* workers */
	unsigned nr_workers;
	struct view views[];
};

/*
 * The snapshot of a block; parts that the block does not bring are those of `last`, which may be
 * NULL. -EBADMSG: the bytes are none; -ENOENT: `last` has no such part. Nothing has changed then.
 */
int snapshot_read(struct lasting *all, const struct snapshot *last, const void *bytes, size_t size,
		  unsigned nr_workers, struct snapshot **out);
void snapshot_free(struct lasting *all, struct snapshot *s);
/* It comes into force after `last`, which may be NULL. */
void snapshot_enter(struct snapshot *s, const struct snapshot *last);

/* A request begins and ends; the last one of an old view gives the snapshot back. */
static inline struct view *view_hold(struct view *v)
{
	v->users++;
	return v;
}
void view_give(struct view *v);
/* The worker has another one now. */
void view_leave(struct view *v);

#endif
