/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's state as the agent knows it; private to this folder. */
#ifndef DATAPATH_KERNEL_H
#define DATAPATH_KERNEL_H

#include "base/strmap.h"
#include "datapath/clock.h"
#include "datapath/datapath.h"
#include "datapath/maps.h"
#include "datapath/slots.h"

/* Bytes of "host|port" and of "host|port|subset": the longest name of a Service is 335. */
#define PORT_NAME 384
#define CLUSTER_ID 448

/* A host, port and subset that has a cluster_state slot. */
struct cluster_ref {
	char *id; /* "host|port|subset" */
	uint32_t slot, generation;
	uint32_t refs; /* clusters records that name it */
	bool listed;	  /* in retired_clusters */
	uint64_t retired; /* when refs came to 0; ns */
};

/* An endpoint of a cluster that has an endpoint_state slot. The first five fields are its key. */
struct endpoint_ref {
	uint32_t cluster; /* cluster_state slot */
	uint16_t port;
	uint8_t ipv4[4];
	uint8_t ipv6[16];
	uint32_t slot, generation;
	uint32_t refs; /* endpoints records that name it */
	bool listed;   /* in retired_endpoints */
	uint64_t retired;
};

struct key_ref;
struct port_ref;

/* A route record as the kernel has it, and all that hangs on it. */
struct installed {
	struct port_ref *port; /* NULL: adopted, not claimed yet */
	struct route route;    /* copy of the record */
	uint32_t slot;	       /* in routes */
	uint64_t wanted;       /* number of the last sync that wanted it */
	uint64_t inherited;    /* of the last that gave its position on to another record */
	VEC(struct key_ref *) keys;
};

/* One port of one host: a record for each kind of callers that are treated alike. */
struct port_ref {
	char *name; /* "host|port" */
	VEC(struct installed *) list;
};

/* An element of services. */
struct key_ref {
	struct service_key key;
	uint32_t slot;	 /* in service_slots */
	uint64_t wanted; /* number of the last sync that wanted it */
	struct installed *owner;
};

/* A kind of callers that has a number. */
struct scope_ref {
	char *text; /* as in struct scope_name */
	uint32_t number;
	uint64_t flags;	 /* CALLER_*, in force */
	uint64_t next;	 /* as the plan that is being prepared wants them */
	uint64_t wanted; /* as above */
	bool named;	 /* stands in scope_names */
	bool fresh;	 /* the last sync that wanted it made it */
};

/* A network namespace whose scope is known. */
struct caller_ref {
	uint64_t netns;
	uint32_t slot; /* in callers */
	bool leaves;   /* removed when the sync settles */
	uint64_t next; /* its word when the sync settles; else the one that it has */
};

struct event_sink {
	void (*each)(const struct event *e, void *arg);
	void *arg;
};

struct datapath {
	char root[33];
	bool readonly;
	int fds[NR_MAPS];
	struct service *services;
	struct route *routes;
	struct schedule *schedules;
	struct turn *turns;
	struct cluster *clusters;
	struct endpoint *endpoints;
	struct cluster_state *cluster_state;
	struct endpoint_state *endpoint_state;
	struct control *control;
	struct caller *callers;
	struct requests *requests;
	struct proxy_turn *proxy_turns;
	struct slots service_slots, route_slots, schedule_slots, turn_slots, cluster_slots,
		endpoint_slots, cluster_state_slots, endpoint_state_slots, scope_slots,
		caller_slots, requests_slots, proxy_turn_slots;
	bool requests_short, proxy_turns_short; /* a rule found none left, ever */
	struct strmap requests_refs;	/* by name, struct requests_ref * */
	struct strmap turn_refs;	/* by name, struct turn_ref * */
	struct strmap cluster_refs;	/* id -> struct cluster_ref * */
	struct cluster_ref **by_slot;	/* of SHUNT_MAX_CLUSTER_STATES */
	void *endpoint_tree;		/* tsearch over struct endpoint_ref */
	VEC(struct cluster_ref *) retired_clusters;
	VEC(struct endpoint_ref *) retired_endpoints;
	void *key_tree;			/* tsearch over struct key_ref */
	struct strmap ports;		/* name -> struct port_ref * */
	VEC(struct installed *) adopted; /* all of them, till the first plan is in force */
	struct strmap scope_refs;	/* text -> struct scope_ref * */
	struct scope_ref *by_number[SHUNT_MAX_SCOPES];
	bool scopes_differ;		/* in the plan that is prepared from those before */
	VEC(struct caller_ref) caller_refs;
	uint64_t syncs;			/* number of the one under way */
	bool names_untouched;		/* ports that pass as dialled have entries, too */
	void (*move)(const struct plan *plan, void *arg);
	void *move_arg;
	bool moving; /* words are learnt, not told */
	bool moved;  /* some caller's word changed since this was cleared */
	void (*learn)(const struct plan *plan, void *arg);
	void *learn_arg;
	const struct plan *last;	/* what the kernel does; NULL: only adopted */
	struct ring_buffer *ring;
	struct event_sink sink; /* of the datapath_events call under way */
	struct walk_bpf *walk;
};

/* refs.c: who has which state slot */
/* Takes one reference; makes the slot when there is none. NULL: no slot is free. */
struct cluster_ref *cluster_ref_take(struct datapath *dp, const char *host, uint16_t port,
				     const char *subset);
struct cluster_ref *cluster_ref_find(struct datapath *dp, const char *host, uint16_t port,
				     const char *subset);
void cluster_ref_drop(struct datapath *dp, uint32_t slot);
struct endpoint_ref *endpoint_ref_take(struct datapath *dp, const struct endpoint *e,
				       uint32_t cluster);
struct endpoint_ref *endpoint_ref_find(struct datapath *dp, const struct endpoint *e,
				       uint32_t cluster);
void endpoint_ref_drop(struct datapath *dp, const struct endpoint *e, uint32_t cluster);
/* For adoption: a slot that a record names. */
struct cluster_ref *cluster_ref_adopt(struct datapath *dp, uint32_t slot);
void endpoint_ref_adopt(struct datapath *dp, const struct endpoint *e, uint32_t cluster);
/* A slot that only live connections name, found at adoption: nobody can ask for it by name. */
void endpoint_ref_orphan(struct datapath *dp, uint32_t slot);
/* Puts what no record names on the lists of refs_reclaim. */
void cluster_refs_retire_unused(struct datapath *dp);
/* Whether refs_reclaim would take any off its lists; a grace period must pass between the two. */
bool refs_due(const struct datapath *dp, uint64_t now);
/* Frees state slots that no record and no live connection names. True: some still wait. */
bool refs_reclaim(struct datapath *dp, uint64_t now);
void refs_free(struct datapath *dp);

/* scopes.c: who calls. Numbers for the scopes of a plan; nothing becomes visible. *changed: one
 * that was there is closed or refuses from now on, or no longer. */
int scopes_prepare(struct datapath *dp, const struct plan *plan, bool *changed);
void scopes_undo(struct datapath *dp);
/* NULL: neither the plan in force nor the one that is being prepared has it. */
struct scope_ref *scope_ref_find(struct datapath *dp, const char *key);
/* Before anything is written that a scope's number stands in; and after all of that is gone. */
void scopes_open(struct datapath *dp, const struct plan *plan);
void scopes_close(struct datapath *dp, const struct plan *plan);
void scopes_adopt(struct datapath *dp);
void scopes_free(struct datapath *dp);

/* The sync under way made it: nobody can be in it yet. */
bool scope_is_fresh(const struct datapath *dp, uint32_t number);

/* callers.c: namespaces. Their words of the new plan are learnt; then those who come into scopes
 * that are fresh, or that are not, have them; then all. The last two return when no program goes by
 * the words of before. */
void callers_place(struct datapath *dp, const struct plan *plan);
void callers_arrive(struct datapath *dp, bool fresh);
void callers_settle(struct datapath *dp);
int caller_put(struct datapath *dp, uint64_t netns, uint64_t word);
int callers_adopt(struct datapath *dp); /* -EPROTO */

/* requests.c: what the proxy counts */
void requests_adopt(struct datapath *dp);
void requests_close(struct datapath *dp);

/* adopt.c */
int adopt(struct datapath *dp, char **why);
struct key_ref *key_ref_find(struct datapath *dp, const struct service_key *key);
struct key_ref *key_ref_add(struct datapath *dp, const struct service_key *key, uint32_t slot,
			    struct installed *owner);
void key_ref_remove(struct datapath *dp, struct key_ref *k);

/* Blocks of schedule records that `picks` take. */
static inline uint32_t schedule_blocks(uint32_t picks)
{
	return (picks + SHUNT_SCHEDULE_BLOCK - 1) / SHUNT_SCHEDULE_BLOCK;
}

void walk_close(struct datapath *dp); /* audit.c */

/* open.c: whether any slot rests; and a wait until all that rest now are free, a second at most. */
bool datapath_rests(const struct datapath *dp);
void datapath_wait_rested(struct datapath *dp);

/* encode.c: records of a plan's parts; slots and generations are the caller's */
void encode_endpoint(const struct plan_endpoint *e, struct endpoint *out);
void encode_cluster(const struct plan_cluster *c, uint32_t weight, struct cluster *out);

#endif
