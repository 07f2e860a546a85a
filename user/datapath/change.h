/* SPDX-License-Identifier: GPL-2.0 */
/* What one port of a host is to some callers, on its way into the kernel: prepared, then written,
 * or undone. */
#ifndef DATAPATH_CHANGE_H
#define DATAPATH_CHANGE_H

#include "datapath/kernel.h"
#include "datapath/variants.h"

struct wanted_key {
	struct service_key key;
	uint32_t slot; /* in service_slots */
	bool fresh;    /* the slot was taken for it */
	bool passing;  /* of no use once everyone's is pointed; without a slot it is done without */
};

struct change {
	struct port_ref *port;
	uint8_t protocol; /* of its clusters */
	const struct plan_route *plan; /* of ROUTE_STEER, else NULL */
	const struct plan_guard *guard; /* of ROUTE_GUARDED, else NULL */
	struct installed *in;	 /* says the same: only keys may differ. NULL: a new record */
	struct installed *before; /* has the same split: its position goes on. NULL: none */
	struct route route;
	uint32_t slot;
	struct cluster *clusters;   /* route.nr_clusters */
	struct pool *pools;	    /* of all clusters, in order, as their endpoints */
	struct endpoint *endpoints;
	VEC(struct wanted_key) keys;
};
struct changes {
	VEC(struct change) list;
	VEC(struct port_ref *) ports; /* those that were looked at; keys of theirs may go */
};

/*
 * Takes all slots that the port with this number needs and adds its changes, everyone's first;
 * nothing becomes visible. -ENOSPC with *full: the ones there are too few of; what was taken stands
 * in *out, to be undone.
 */
int changes_prepare(struct datapath *dp, const struct plan_host *host, struct port_id port,
		    uint32_t plan_number, struct changes *out, const struct slots **full);

/* Those of `from` that anybody reads go to *out, with their records; after a failure (`err`) all of
 * them, to be undone. */
int changes_take(struct datapath *dp, struct change *from, size_t nr, int err, struct changes *out,
		 const struct slots **full);
/* passes.c: the same for addresses of no service that callers who are refused the unknown know;
 * after all hosts. */
int passes_prepare(struct datapath *dp, const struct plan *plan, struct changes *out,
		   const struct slots **full);

/* change.c: references to the clusters and endpoints; an element of services or service_subnets;
 * the records. */
int change_resolve(struct datapath *dp, struct change *c, const struct slots **full);
int change_take_key(struct datapath *dp, struct change *c, const struct service_key *key,
		    const struct slots **full);
/* For a scope into which callers come while everyone's is still the old plan's. */
void change_want_passing(struct change *c, const struct service_key *key);
/* When all others have theirs: slots for those, as far as there are any. */
void changes_take_passing(struct datapath *dp, struct changes *changes);
int change_take_records(struct datapath *dp, struct change *c, const struct slots **full);
/* Gives all of it back. */
void change_undo(struct datapath *dp, struct change *c);
void change_free(struct change *c);

/* match.c: the port, made when it is not there; and which of its records go on. */
struct port_ref *port_ref_get(struct datapath *dp, const char *host, struct port_id id);
void port_ref_drop_empty(struct datapath *dp, struct port_ref *port);
/* Gives adopted records to the port that wants their keys. */
void port_claim(struct datapath *dp, const struct change *c);
/* They are nobody's again, and no port is left; before the first plan is in force. */
void ports_disclaim(struct datapath *dp);
void change_match_same(struct datapath *dp, struct change *c);
void change_match_before(struct datapath *dp, struct change *c);
bool changes_equal(const struct change *a, const struct change *b);

/* point.c: writes the record into slots that nothing points at. */
void change_write(struct datapath *dp, struct change *c);
/* Points its keys of one kind at it; from here connections follow. -errno when the kernel refuses
 * an insert. */
enum keys { KEYS_FRESH, KEYS_KNOWN, KEYS_EVERYONES }; /* fresh scopes', other scopes' */
int change_point(struct datapath *dp, struct change *c, enum keys which);
/* Deletes what hung on the port and that this sync does not want. */
void port_sweep(struct datapath *dp, struct port_ref *port);
/* The same for all that was adopted, when the first plan is in force. */
void adopted_sweep(struct datapath *dp);
/* Drops the references that `n` clusters and their endpoints, one after the other, hold. */
void change_drop_refs(struct datapath *dp, const struct cluster *clusters, uint32_t n,
		      const struct endpoint *endpoints);

#endif
