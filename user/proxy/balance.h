/* SPDX-License-Identifier: GPL-2.0 */
/* Which endpoint of a cluster is next. */
#ifndef PROXY_BALANCE_H
#define PROXY_BALANCE_H

#include "proxy/snapshot.h"
#include "proxy/worker.h"

/*
 * NULL: none takes part. Those in `tried`, which ends with NULL or after `nr`, are left out if a
 * few picks find another one.
 */
struct endpoint *balance_pick(struct worker *w, const struct destination *d,
			      struct endpoint *const *tried, size_t nr);

#endif
