/* SPDX-License-Identifier: GPL-2.0 */
/* Which endpoint of a cluster is next. */
#ifndef PROXY_BALANCE_H
#define PROXY_BALANCE_H

#include "proxy/snapshot.h"
#include "proxy/worker.h"

/* What picks need of a destination whose endpoints are set; the main thread makes and frees it. */
struct balance *balance_new(struct clusters *all, const struct destination *d);
void balance_free(struct clusters *all, const struct destination *d, struct balance *b);

struct balance_wish { /* all zero: none */
	bool has_hash;
	uint64_t hash; /* of what the policy hashes */
	/* left out while there is another one; it ends with NULL or after `nr_tried` */
	struct endpoint *const *tried;
	size_t nr_tried;
	uint32_t avoided; /* bits of priorities that are left out, while there is another one */
};

/* NULL: none takes part. `wish` may be NULL. */
struct endpoint *balance_pick(struct worker *w, const struct destination *d,
			      const struct balance_wish *wish);
/* The priorities of endpoints, as bits of wish.avoided. */
uint32_t balance_priorities(const struct destination *d, struct endpoint *const *of, size_t nr);

#endif
