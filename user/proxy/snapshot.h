/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table in force, with the state that its rules and clusters go on with. The main thread makes
 * and frees it; a worker holds it from one round to a later one, and requests hold it to their end.
 */
#ifndef PROXY_SNAPSHOT_H
#define PROXY_SNAPSHOT_H

#include "http/regex.h"
#include "proxy/cluster.h"
#include "proxy/lookup.h"
#include "proxy/tally.h"
#include "proxy/turn.h"

struct destination { /* a cluster of the table */
	const struct table_cluster *table;
	struct cluster *cluster;
	struct endpoint **endpoints; /* as in the table */
	uint32_t *upto;		     /* sums of their weights; NULL: all the same */
};

struct route { /* a rule of the table */
	const struct table_rule *rule;
	struct turn *turn;	 /* NULL: nothing to choose */
	struct tally **of_split; /* one for each destination; without any, one */
};

/* What one worker knows of it; the counters are the worker's. */
struct view {
	struct snapshot *snapshot;
	struct regexes regexes;
	unsigned users; /* requests and connections */
	bool old;	/* the worker has another one */
};

struct snapshot {
	struct snapshot *next; /* older; main thread */
	struct arena *arena;
	struct table *table;
	struct lookup *lookup;
	struct destination *destinations; /* as table->clusters */
	struct route **routes;		  /* [port][rule], the one for bytes last */
	struct destination passthrough;	  /* to the address that was dialled */
	struct tally *passed, *none;	  /* of what no rule took, and of what went as dialled */
	atomic_uint users;		  /* workers */
	unsigned nr_workers;
	struct view views[];
};

/* What lives longer than a snapshot. */
struct lasting {
	struct clusters clusters;
	struct strmap turns, tallies;
};

/* Takes over `arena`, which holds the table. */
struct snapshot *snapshot_new(struct lasting *all, struct arena *arena, struct table *t,
			      unsigned nr_workers);
void snapshot_free(struct lasting *all, struct snapshot *s);
/* Marks the endpoints that `s`, now in force, does not have. */
void snapshot_mark(struct lasting *all, const struct snapshot *s);

static inline const struct destination *snapshot_destination(const struct snapshot *s,
							     const struct table_cluster *c)
{
	return &s->destinations[c - s->table->clusters];
}
const struct route *snapshot_route(const struct snapshot *s, const struct table_port *p,
				   const struct table_rule *r);

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
