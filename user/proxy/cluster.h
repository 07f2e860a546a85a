/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What outlives a table: the counts, limits and health of a destination and of its endpoints, kept
 * by name and shared by the workers. The main thread makes and frees them; others only count.
 */
#ifndef PROXY_CLUSTER_H
#define PROXY_CLUSTER_H

#include <stdatomic.h>
#include <stdlib.h>
#include "base/mem.h"
#include "base/strmap.h"
#include "snapshot/table.h"

struct upstream;

struct endpoint {
	struct cluster *cluster;
	struct inet address;
	uint16_t port;
	atomic_bool gone;   /* the table in force does not have it */
	bool alone;	    /* an address that was dialled: of one client, in no list */
	atomic_uint refs;   /* tables and connections that name it, and its cluster */
	atomic_uint active; /* requests and tunnels on their way */
	atomic_int_least64_t ejected_until;		  /* 0: takes part */
	atomic_uint errors, gateway_errors, local_errors; /* consecutive ones */
	atomic_uint ejections;				  /* the multiplier of the next ejection */
	struct upstream
		*idle[]; /* of each worker, which alone touches it: the one used last first */
};

struct cluster {
	char *name;
	atomic_uint refs;
	atomic_uint connections, pending, requests, retries; /* on their way, of all workers */
	atomic_uint ejected;
	atomic_uint_least64_t rotation; /* picks so far, for round robin */
	int64_t swept;			/* the last sweep of ejections; main thread */
	struct strmap endpoints;	/* by "address port"; main thread */
};

struct clusters {
	struct strmap by_name;
	unsigned nr_workers;
};

/* Both with a reference for the caller. */
struct cluster *cluster_get(struct clusters *all, const char *name);
struct endpoint *endpoint_get(const struct clusters *all, struct cluster *c,
			      const struct inet *address, uint16_t port);
/* One that nobody else finds: of what goes to the address that was dialled. */
struct endpoint *endpoint_alone(struct cluster *c, const struct inet *address, uint16_t port);
static inline void endpoint_hold(struct endpoint *e)
{
	atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
}
static inline void endpoint_put(struct endpoint *e)
{
	bool alone = e->alone;

	if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_release) == 1 && alone)
		free(e);
}
static inline void cluster_put(struct cluster *c)
{
	atomic_fetch_sub_explicit(&c->refs, 1, memory_order_release);
}
/* Frees those that nobody names any more. */
void clusters_sweep(struct clusters *all);
void clusters_free(struct clusters *all);

/*
 * Counts one more unless there are `max` already; max 0: no limit. These and what is read after them
 * are ordered over all threads: who gives a connection up and who begins to wait see each other.
 */
static inline bool limit_take(atomic_uint *count, uint32_t max)
{
	if (atomic_fetch_add(count, 1) < max || !max)
		return true;
	atomic_fetch_sub(count, 1);
	return false;
}
static inline void limit_give(atomic_uint *count)
{
	atomic_fetch_sub(count, 1);
}

#endif
