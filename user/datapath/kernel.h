/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's state as the agent knows it; private to this folder. */
#ifndef DATAPATH_KERNEL_H
#define DATAPATH_KERNEL_H

#include "base/strmap.h"
#include "datapath/clock.h"
#include "datapath/datapath.h"
#include "datapath/maps.h"
#include "datapath/slots.h"
#include <shunt/track.h>

/* Bytes of "host|port" and of "host|port|subset": the longest name of a Service is 335. */
#define PORT_NAME 384
#define CLUSTER_ID 448

/* A host, port and subset that has a cluster_state slot. */
struct cluster_ref {
	char *id; /* "host|port|subset", "host|port/udp|subset" */
	uint32_t slot, generation;
	uint32_t refs; /* clusters records that name it */
	uint64_t came; /* number of the sync that found it without any; 0: it was there */
	bool listed;	  /* in retired_clusters */
	struct endpoint_ref *first; /* of its endpoints that records name; see members.c */
	const struct port_ref *guard; /* the port whose guard watches it; NULL: not known, or none */
	uint64_t retired; /* when refs came to 0; ns */
};

#define NAMED_IPV4 1
#define NAMED_IPV6 2

/* An endpoint of a cluster that has an endpoint_state slot; there are many. */
struct endpoint_ref {
	uint32_t cluster; /* cluster_state slot */
	uint32_t slot, generation;
	uint32_t refs; /* endpoints records that name it */
	struct endpoint_ref *before, *after; /* in its cluster's list, of a member */
	uint64_t retired;
	uint64_t since; /* as in struct endpoint */
	uint8_t ipv4[4], ipv6[16];
	uint16_t port;
	uint8_t named;	 /* NAMED_*: the addresses that it has */
	bool listed : 1; /* in retired_endpoints */
	bool member : 1;
};
_Static_assert(sizeof(struct endpoint_ref) == 72, "no padding");

struct endpoint_names {
	uint32_t *at;
	size_t cap, nr;
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
	char *name; /* "host|port", "host|port/udp" */
	VEC(struct installed *) list;
};

/* An element of services, or of service_subnets: then its key has host_bits. */
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
	bool captured; /* CALLER_CAPTURED, whatever scope it is of */
	bool splices;  /* CALLER_SPLICE, likewise */
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
	struct pool *pools;
	struct chart *charts;
	struct endpoint *endpoints;
	struct cluster_state *cluster_state;
	struct endpoint_state *endpoint_state;
	struct cluster_rules *cluster_rules;
	struct traffic *traffic;
	struct control *control;
	struct caller *callers;
	struct requests *requests;
	struct proxy_turn *proxy_turns;
	struct slots service_slots, route_slots, schedule_slots, turn_slots, cluster_slots,
		pool_slots, chart_slots, endpoint_slots, cluster_state_slots, endpoint_state_slots, scope_slots,
		caller_slots, requests_slots, proxy_turn_slots;
	bool requests_short, proxy_turns_short; /* a rule found none left, ever */
	struct strmap requests_refs;	/* by name, struct requests_ref * */
	struct strmap turn_refs;	/* by name, struct turn_ref * */
	struct strmap cluster_refs;	/* id -> struct cluster_ref * */
	struct cluster_ref **by_slot;	/* of SHUNT_MAX_CLUSTER_STATES */
	struct endpoint_ref **endpoint_by_slot; /* of SHUNT_MAX_ENDPOINT_STATES */
	struct endpoint_names endpoint_names;
	VEC(struct cluster_ref *) retired_clusters;
	VEC(struct endpoint_ref *) retired_endpoints;
	void *key_tree;			/* tsearch over struct key_ref */
	struct strmap ports;		/* name -> struct port_ref * */
	VEC(struct installed *) adopted; /* all of them, till the first plan is in force */
	struct strmap scope_refs;	/* text -> struct scope_ref * */
	struct scope_ref *by_number[SHUNT_MAX_SCOPES];
	bool scopes_differ;		/* in the plan that is prepared from those before */
	VEC(struct caller_ref) caller_refs;
	uint64_t host_netns;		/* cookie of the agent's own */
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
	struct drain_bpf *drain;
	struct bpf_link *end_tcp, *end_udp; /* NULL: the kernel has no such call */
	struct drain_conns_bpf *drain_conns; /* NULL: not loaded */
	bool drain_conns_failed;
	VEC(struct inet) node_addresses; /* where node ports are */
	bool node_moved;		 /* since the last sync */
	struct arena *fronts;		 /* routes for callers from outside, of the sync under way */
	size_t outside_keys;		 /* elements of services in SCOPE_OUTSIDE */
	struct bpf_object *outside;	 /* programs for them; NULL: not loaded */
	bool outside_failed;
	struct bpf_object *capture;	 /* programs on pods' devices; NULL: not loaded */
	const struct bpf_object *captured_by; /* those that are on all of them */
	size_t nr_captured;		 /* callers whose packets are steered */
	char *capture_fault;		 /* why they cannot be loaded */
	struct conn *conns;		 /* NULL: nothing is steered by packet yet */
	struct tracking *tracking;
};

/* refs.c: who has which state slot */
/* Takes one reference; makes the slot when there is none. NULL: no slot is free. */
struct cluster_ref *cluster_ref_take(struct datapath *dp, const char *host, uint16_t port,
				     uint8_t protocol, const char *subset);
struct cluster_ref *cluster_ref_find(struct datapath *dp, const char *host, uint16_t port,
				     uint8_t protocol, const char *subset);
void cluster_ref_drop(struct datapath *dp, uint32_t slot);
/* `joins`: others of its cluster are in force without it. */
struct endpoint_ref *endpoint_ref_take(struct datapath *dp, const struct plan_endpoint *e,
				       uint32_t cluster, bool joins);
struct endpoint_ref *endpoint_ref_find(struct datapath *dp, const struct plan_endpoint *e,
				       uint32_t cluster);
void endpoint_ref_drop(struct datapath *dp, uint32_t slot);
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

/*
 * endpoint_names.c: the endpoint of a cluster at an address; NULL: none. endpoint_name gives it an
 * address, unless it has one of that family, or another endpoint has that one.
 */
struct endpoint_ref *endpoint_named(const struct datapath *dp, const struct inet *address,
				    uint16_t port, uint32_t cluster);
void endpoint_name(struct datapath *dp, struct endpoint_ref *r, const struct inet *address,
		   uint16_t port, uint32_t cluster);
void endpoint_unname(struct datapath *dp, struct endpoint_ref *r);
/* One of its addresses, IPv4 first; false: it has none. */
bool endpoint_address(const struct endpoint_ref *r, struct inet *out);
void endpoint_names_free(struct datapath *dp);

/* members.c: the list of a cluster's endpoints that the kernel walks. The endpoint's slot is one
 * that records name, or that no record names any more. */
void member_add(struct datapath *dp, struct endpoint_ref *r);
void member_remove(struct datapath *dp, struct endpoint_ref *r);
/* Finds those that are listed already, and lists the others. */
void members_adopt(struct datapath *dp);

/* scopes.c: who calls. Numbers for the scopes of a plan; nothing becomes visible. *changed: one
 * that was there is closed or refuses from now on, or no longer. */
int scopes_prepare(struct datapath *dp, const struct plan *plan, bool *changed);
void scopes_undo(struct datapath *dp);
/* NULL: neither the plan in force nor the one that is being prepared has it. */
struct scope_ref *scope_ref_find(struct datapath *dp, const char *key);
/* Before anything is written that a scope's number stands in; and after all of that is gone. */
void scopes_open(struct datapath *dp, const struct plan *plan);
void scopes_close(struct datapath *dp, const struct plan *plan);
/* Some callers are captured now, or none is any more. */
void scopes_ask(struct datapath *dp);
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

struct bpf_program;
/* audit.c: runs an iterator over every socket that carries a flow. */
int walk_run(struct datapath *dp, struct bpf_program *program, char **why);
void walk_close(struct datapath *dp);

void drain_close(struct datapath *dp); /* drain.c */

/* drain_conns.c: the same for connections by packet, after what is done for sockets; nothing where
 * there are none. Those that are chosen have ended then. */
void drain_conns_close(struct datapath *dp);
int drain_conns_tally(struct datapath *dp, char **why);
int drain_conns_surplus(struct datapath *dp, char **why);
int drain_conns_expired(struct datapath *dp, char **why);

/* open.c: whether any slot rests; and a wait until all that rest now are free, a second at most. */
bool datapath_rests(const struct datapath *dp);
void datapath_wait_rested(struct datapath *dp);

/* encode.c: records of a plan's parts; places in the maps are the caller's to fill in. */
void encode_cluster(const struct plan_cluster *c, uint32_t weight, struct cluster *out);
/* Adds how many pools and endpoint records it comes to. */
void encode_count(const struct plan_cluster *c, size_t *nr_pools, size_t *nr_records);
/* Its pools and endpoints, as many as were counted; `refs` as those of the plan. */
void encode_pools(const struct plan_cluster *c, struct endpoint_ref *const *refs,
		  struct cluster *cluster, struct pool *pools, struct endpoint *endpoints);

/*
 * pools.c: what hangs on a cluster record: its pools, their charts and endpoints. Slots for all of
 * them, or -ENOSPC with *full, and none are taken.
 */
int pools_take(struct datapath *dp, struct cluster *c, struct pool *pools,
	       const struct slots **full);
void pools_undo(struct datapath *dp, const struct cluster *c, const struct pool *pools);
void pools_write(struct datapath *dp, const struct cluster *c, const struct pool *pools,
		 const struct endpoint *endpoints);
void pools_rest(struct datapath *dp, const struct cluster *c, uint64_t now);
void pools_adopt(struct datapath *dp, const struct cluster *c);

#endif
