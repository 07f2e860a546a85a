/* SPDX-License-Identifier: GPL-2.0 */
/* Which objects differ between two sets, and which hosts that can reach. */
#ifndef PLAN_DIRTY_H
#define PLAN_DIRTY_H

#include "plan/index.h"

struct change {
	struct object *old, *new; /* one may be NULL */
};
struct changes {
	VEC(struct change) list;
};
/* vec_free(&out->list) */
void changes_find(const struct config_set *from, const struct config_set *to,
		  struct changes *out);

struct dirty {
	const struct plan_index *index;
	const struct config_set *set; /* of the objects that are added */
	const struct strmap *known;   /* hosts of the old plan */
	struct strmap hosts;	      /* the result; values are not NULL */
};
/* Adds the hosts whose part can depend on `o`, as the index stands. */
void dirty_add(struct dirty *d, const struct object *o);

#endif
