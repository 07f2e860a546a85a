/* SPDX-License-Identifier: GPL-2.0 */
/* What came of the requests of a rule at a destination, counted in records that outlive the proxy. */
#ifndef PROXY_TALLY_H
#define PROXY_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <shunt/requests.h>
#include "base/strmap.h"
#include "snapshot/table.h"

struct tally {
	char *key;
	char *rule, *cluster; /* source and name; "" none */
	unsigned refs;	      /* parts that have them; main thread */
	struct table_slot slot;
	bool own;		  /* the records are the tally's */
	unsigned mask;		  /* how many there are, a power of two, less 1 */
	struct requests *records; /* a worker adds to that of its number, all atomically */
};

struct tallies {
	struct strmap all;
	struct requests *shared; /* the agent's map; NULL: each tally has memory of its own */
	unsigned nr_workers;
};

/* With a reference for the caller. */
struct tally *tally_get(struct tallies *all, const char *rule, const char *cluster,
			struct table_slot slot);
void tally_put(struct tallies *all, struct tally *t); /* the last one frees it */
void tally_sum(const struct tally *t, struct requests *to);

/* How a request ended. */
struct tally_end {
	unsigned status; /* 0: none */
	unsigned flags;	 /* enum flag */
	uint64_t received, sent;
	int64_t took; /* ns */
};
void tally_request(const struct tally *t, unsigned worker, const struct tally_end *end);
void tally_retry(const struct tally *t, unsigned worker);
void tally_regex_limit(const struct tally *t, unsigned worker);

#endif
