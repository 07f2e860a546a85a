/* SPDX-License-Identifier: GPL-2.0 */
/* Whose turn it is among the destinations of a rule: exact shares, over all workers and tables. */
#ifndef PROXY_TURN_H
#define PROXY_TURN_H

#include <shunt/requests.h>
#include "base/strmap.h"
#include "snapshot/table.h"

struct turn { /* of a rule with these weights, wherever it is met */
	char *key;
	struct proxy_turn *given; /* counted by all proxies that run, atomically */
	uint32_t slot;	      /* in the agent's map; 0: the record is the turn's own */
	unsigned refs;	      /* parts that have the rule; main thread */
	struct proxy_turn own;
};

struct turns {
	struct strmap all;
	struct proxy_turn *shared; /* the agent's map, which outlives the process; NULL: none */
};

/* With a reference for the caller; NULL: the rule has nothing to choose. */
struct turn *turn_get(struct turns *all, const struct table_rule *r);
void turn_put(struct turns *all, struct turn *t); /* the last one frees it */

/* The index of the destination that is next. */
size_t turn_take(struct turn *t, const struct table_rule *r);

#endif
