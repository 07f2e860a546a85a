/* SPDX-License-Identifier: GPL-2.0 */
/* What came of the requests of a rule at a destination, counted by each worker for itself. */
#ifndef PROXY_TALLY_H
#define PROXY_TALLY_H

#include <stdatomic.h>
#include "base/strmap.h"
#include "proxy/flags.h"

struct tally_counts {				     /* of one worker */
	_Alignas(64) atomic_uint_least64_t requests; /* ended ones; connections where bytes pass */
	atomic_uint_least64_t by_class[6];	     /* [0]: no status, [2]: 2xx */
	atomic_uint_least64_t by_flag[NR_FLAGS];
	atomic_uint_least64_t retries;
	atomic_uint_least64_t bytes_received, bytes_sent; /* of bodies, from and to clients */
};

struct tally {
	char *rule, *cluster; /* source and name; "" none */
	unsigned refs;	      /* tables that have them; main thread */
	unsigned nr_workers;
	struct tally_counts *of_worker;
};

/* With a reference for the caller. */
struct tally *tally_get(struct strmap *all, const char *rule, const char *cluster,
			unsigned nr_workers);
void tallies_sweep(struct strmap *all); /* frees those that no table names */
/* The sum over the workers; to->requests and so on are set. */
void tally_sum(const struct tally *t, struct tally_counts *to);

static inline void tally_add(atomic_uint_least64_t *count, uint64_t n)
{
	/* Each has one writer, so there is no need to lock the bus. */
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

#endif
