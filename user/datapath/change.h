/* SPDX-License-Identifier: GPL-2.0 */
/* One port of one host on its way into the kernel: prepared, then written, or undone. */
#ifndef DATAPATH_CHANGE_H
#define DATAPATH_CHANGE_H

#include "datapath/kernel.h"

struct wanted_key {
	struct service_key key;
	uint32_t slot; /* in service_slots */
	bool fresh;    /* the slot was taken for it */
	bool gate;     /* points at the gate, not at the route */
};

struct change {
	struct installed *in;
	bool fresh;   /* `in` was made for it */
	bool claimed; /* `in` was adopted and got its name from it */
	bool same;    /* the records that are there say the same: only keys may differ */
	bool new_turn; /* another split: a schedule and a position of its own */
	struct route route;
	uint32_t slot;
	struct cluster *clusters;   /* route.nr_clusters */
	struct endpoint *endpoints; /* of all clusters, in order */
	uint32_t nr_endpoints;
	const struct plan_route *plan;
	VEC(struct wanted_key) keys;
};

/* Takes all slots that the port needs; nothing becomes visible. -ENOSPC with *full: the ones there
 * are too few of. */
int change_prepare(struct datapath *dp, const struct plan_host *host, const struct plan_port *port,
		   uint32_t plan_number, struct change *out, const struct slots **full);
/* Gives back what change_prepare took. */
void change_undo(struct datapath *dp, struct change *c);
/* Writes the records into slots that nothing points at. */
void change_write(struct datapath *dp, const struct change *c);
/* Points the keys at them; from here connections follow. -errno when the kernel refuses an insert. */
int change_point(struct datapath *dp, struct change *c);
/* Lets go of the records that were replaced. */
void change_finish(struct datapath *dp, struct change *c, const struct route *old,
		   uint32_t old_slot);
void change_free(struct change *c);
/* Drops the references that `n` clusters and their endpoints, one after the other, hold. */
void change_drop_refs(struct datapath *dp, const struct cluster *clusters, uint32_t n,
		      const struct endpoint *endpoints);
/* An agent that dies between the addresses of one port leaves two routes with one turn: true when
 * another adopted port than `in` has the turn of `r`. */
bool turn_is_shared(const struct datapath *dp, const struct route *r, const struct installed *in);
/* Rests the records of a route and drops its references. Its turn and schedule too unless kept. */
void route_rest(struct datapath *dp, const struct route *r, uint32_t slot, bool keep_turn);

#endif
