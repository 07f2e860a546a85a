/* SPDX-License-Identifier: GPL-2.0 */
/* Whose turn it is among the destinations of a rule: exact shares, over all workers and tables. */
#ifndef PROXY_TURN_H
#define PROXY_TURN_H

#include <stdatomic.h>
#include "base/strmap.h"
#include "snapshot/table.h"

struct turn { /* of a rule with these weights, wherever it is met */
	atomic_uint_least64_t next;
	unsigned refs; /* tables that have the rule; main thread */
};

/* With a reference for the caller; NULL: the rule has nothing to choose. */
struct turn *turn_get(struct strmap *all, const struct table_rule *r);
void turns_sweep(struct strmap *all); /* frees those that no table names */

/* The index of the destination that is next. */
size_t turn_take(struct turn *t, const struct table_rule *r);

#endif
