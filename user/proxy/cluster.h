/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What outlives a table: the counts, limits and health of a destination and of its endpoints, kept
 * by name and shared by the workers. The main thread makes and frees them; others only count.
 */
#ifndef PROXY_CLUSTER_H
#define PROXY_CLUSTER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "base/mem.h"
#include "base/strmap.h"
#include "snapshot/table.h"

struct chart;
struct upstream;

#define CLUSTER_ROTATIONS 4 /* of so many priorities, others share them */

struct endpoint {
	struct cluster *cluster;
	struct inet address;
	uint16_t port;
	atomic_bool gone;   /* the table in force does not have it */
	unsigned named;	    /* by how many parts of that; main thread */
	bool alone;	    /* an address that was dialled: of one client, in no list */
	atomic_uint refs;   /* tables and connections that name it, and its cluster */
	atomic_uint active; /* requests and tunnels on their way */
	atomic_int_least64_t ejected_until;		  /* 0: takes part */
	atomic_uint errors, gateway_errors, local_errors; /* consecutive ones */
	atomic_uint ejections; /* the multiplier of the last ejection; it falls again with time */
	int64_t since;	       /* when it came, ns of CLOCK_MONOTONIC; 0: with its cluster */
	struct upstream
		*idle[]; /* of each worker, which alone touches it: the one used last first */
};

struct cluster {
	char *name;
	atomic_uint refs;
	atomic_uint connections, pending, requests, retries; /* on their way, of all workers */
	atomic_uint ejected; /* endpoints, those of former tables too */
	atomic_uint health;  /* another one after each ejection and return */
	pthread_mutex_t ejecting;
	atomic_uint_least64_t rotation[CLUSTER_ROTATIONS]; /* picks so far, of each priority */
	unsigned watchers;    /* destinations with outlier detection; main thread */
	int64_t swept;	      /* the last sweep of ejections; main thread */
	bool filled;	      /* its first endpoints are there; main thread */
	struct chart *charts; /* main thread */
	struct strmap endpoints;	/* by "address port"; main thread */
	struct cluster *worn;		/* the next one on the list */
	bool is_worn;
};

struct clusters {
	struct strmap by_name;
	struct cluster *worn; /* a part that named them is gone: they may be too, or their endpoints */
	unsigned nr_workers;
	size_t chart_bytes; /* of all charts */
};

/* Both with a reference for the caller. */
struct cluster *cluster_get(struct clusters *all, const char *name);
struct endpoint *endpoint_get(const struct clusters *all, struct cluster *c,
			      const struct inet *address, uint16_t port);
/* What comes from now on is new. */
static inline void cluster_filled(struct cluster *c)
{
	c->filled = true;
}
/* One that nobody else finds: of what goes to the address that was dialled. */
struct endpoint *endpoint_alone(struct cluster *c, const struct inet *address, uint16_t port);
/* It is not ejected. */
static inline bool endpoint_takes_part(const struct endpoint *e)
{
	return !atomic_load_explicit(&e->ejected_until, memory_order_relaxed);
}
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
void cluster_put(struct clusters *all, struct cluster *c);
/* A part that names it comes into force, or goes. */
void endpoint_enter(struct endpoint *e);
void endpoint_leave(struct endpoint *e);
/* Frees those that nobody names any more. */
void clusters_sweep(struct clusters *all);
void clusters_free(struct clusters *all);

/*
 * Counts one more unless there are `max` already; max 0: no limit. One that is refused is never
 * seen in the count, so nobody is refused for it. These and what is read after them are ordered
 * over all threads: who gives a connection up and who begins to wait see each other.
 */
static inline bool limit_take(atomic_uint *count, uint32_t max)
{
	unsigned n = atomic_load(count);

	while (n < max || !max)
		if (atomic_compare_exchange_weak(count, &n, n + 1))
			return true;
	return false;
}
static inline void limit_give(atomic_uint *count)
{
	atomic_fetch_sub(count, 1);
}

#endif
