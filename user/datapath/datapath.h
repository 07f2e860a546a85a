/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel side as the rest of the program sees it; nobody else knows libbpf. Every error comes
 * with one sentence in *why (the caller frees; NULL on success).
 */
#ifndef DATAPATH_DATAPATH_H
#define DATAPATH_DATAPATH_H

#include <netinet/in.h>
#include "base/diag.h"
#include "base/vec.h"
#include "plan/plan.h"
#include <shunt/counters.h>
#include <shunt/drain.h>
#include <shunt/endpoint.h>
#include <shunt/flow.h>
#include <shunt/requests.h>
#include <shunt/rules.h>
#include <shunt/service.h>
#include <shunt/splice.h>
#include <shunt/traffic.h>

struct datapath;

/*
 * Loads, pins and attaches whatever is missing below /sys/fs/bpf/ROOT; what is there with the same
 * layout is adopted without a gap (programs of another build are replaced in place). `cgroup` NULL:
 * the cgroup2 root. Needs root. *did: how many programs were loaded (0: all adopted).
 * -EPERM, -EOPNOTSUPP (kernel too old, no BPF, no cgroup2), -EPROTO (another layout).
 */
int datapath_load(const char *root, const char *cgroup, int *did, char **why);
/* Opens what is pinned and reads back which slots are in use. -ENOENT: nothing is loaded. */
int datapath_open(const char *root, struct datapath **out, char **why);
/* For reading only: datapath_sync, datapath_reclaim and datapath_audit may not be called. */
int datapath_open_readonly(const char *root, struct datapath **out, char **why);
void datapath_close(struct datapath *dp); /* what is pinned stays */
/* Detaches and unpins everything of ROOT. -ENOENT: nothing was loaded. */
int datapath_unload(const char *root, char **why);

/*
 * Makes the kernel do `plan`: per service all of the old or all of the new, endpoints before what points at
 * them. Capacity is counted before the first write: -ENOSPC with an error in `diags`
 * that names the object and the limit, and nothing has changed. `plan` must live until the next
 * sync has returned: only hosts that differ from it are looked at then.
 */
int datapath_sync(struct datapath *dp, const struct plan *plan, struct diags *diags);
/*
 * Who calls. Each sync calls `move`, which says of which scope of the new plan each namespace is;
 * the sync moves them when no connection finds half of either plan.
 */
void datapath_follow(struct datapath *dp, void (*move)(const struct plan *plan, void *arg),
		     void *arg);
/* Callers in the network namespace with this cookie are of `scope`, which belongs to the plan that
 * is synced; NULL: everyone's. -ENOSPC. */
int datapath_scope_set(struct datapath *dp, uint64_t netns, const struct plan_scope *scope);
/* They are of no pod: everyone's, and counted when it matters. */
int datapath_scope_nobody(struct datapath *dp, uint64_t netns);
/* Its own addresses, for choices by the caller's; the first of each family counts. */
void datapath_caller_addresses(struct datapath *dp, uint64_t netns, const struct inet *addresses,
			       size_t nr);
/* The namespace is gone, or nobody asks. */
void datapath_scope_remove(struct datapath *dp, uint64_t netns);

struct caller_reading {
	uint64_t netns;
	uint32_t scope; /* SCOPE_ALL: everyone's */
	bool nobody;
};
/* Those of pods and of nobody; not the host's own. `each` may remove the one it is given. */
void datapath_caller_each(struct datapath *dp,
			  void (*each)(const struct caller_reading *r, void *arg), void *arg);
/* The number of a scope of the plan in force; SCOPE_ALL: it has none. */
uint32_t datapath_scope_number(struct datapath *dp, const char *key);

/* Gives back slots that nothing has pointed at for long enough. Milliseconds until it is worth calling
 * again, -1: nothing waits. */
int datapath_reclaim(struct datapath *dp);
/* Finds reservations that no socket holds and returns them; *leaked: how many. Takes one walk over
 * the live sockets and two grace periods. */
int datapath_audit(struct datapath *dp, uint64_t *leaked, char **why);

/* Whether the local ends of every steered connection are joined, or only those asked for; from the
 * next connection on. */
void datapath_splice_all(struct datapath *dp, bool all);
/* Whether callers in this network namespace ask for it; -ENOENT: it is not known. */
int datapath_splice_set(struct datapath *dp, uint64_t netns, bool splices);
/* An end that has not read what was queued to it. `outcome` 1: it is left as it is; 0: it was reset;
 * -errno: it could not be. */
typedef void unsplice_tell(const struct spliced *row, int outcome);
/*
 * None begins any more, and those that are joined go on by TCP once they have read what was queued.
 * Waits for that, at most 10 s; then `tell` is given each end that has not.
 */
int datapath_unsplice(const char *root, bool reset, unsplice_tell *tell, char **why);

/* ---- the L7 proxy ---- */

/* The folder of its cgroup, whose processes nothing steers; -errno. */
int datapath_proxy_cgroup(struct datapath *dp, char *out, size_t size);
/* The map whose page the proxy writes its heartbeat to; stays dp's. */
int datapath_heartbeat(struct datapath *dp);
/* What it wrote there last, CLOCK_MONOTONIC ns; 0: nothing. */
int64_t datapath_beat(struct datapath *dp);
/* From here on connections go to the proxy, until nobody holds `listener` any more. -1: from here
 * on none do. */
int datapath_proxy_alive(struct datapath *dp, int listener);
/* Where it listens in the network namespace with this cookie, on 127.0.0.1 and ::1; 0 and 0: it
 * does not. -ENOSPC. */
int datapath_listener_set(struct datapath *dp, uint64_t netns, uint16_t ipv4, uint16_t ipv6);
/* Each namespace with a listener; `each` may take that away. */
void datapath_listener_each(struct datapath *dp, void (*each)(uint64_t netns, void *arg),
			    void *arg);
/*
 * The slot of a cluster that the proxy opens connections to, so that they count with the kernel's,
 * and stay counted while either is there; held until it is dropped. -ENOSPC.
 */
int datapath_cluster_hold(struct datapath *dp, const char *host, uint16_t port, const char *subset,
			  uint32_t *slot, uint32_t *generation);
void datapath_cluster_drop(struct datapath *dp, uint32_t slot);
/*
 * Each sync calls `learn` when all of the new plan is prepared, its scopes have numbers, and nothing
 * of it is visible: what the kernel steers to has to know it before.
 */
void datapath_announce(struct datapath *dp, void (*learn)(const struct plan *plan, void *arg),
		       void *arg);

/* ---- what the proxy counts, and whose turn it is there ---- */

struct requests_of {
	const char *rule, *host, *subset;
	uint16_t port;
};
/*
 * Where requests by this rule to this destination are counted: the first of *records records, of
 * which each of `workers` threads adds to one. A slot of its own is made when it has none; without a
 * free one it is REQUESTS_OTHER.
 */
uint32_t datapath_requests_slot(struct datapath *dp, const struct requests_of *of, unsigned workers,
				uint32_t *records);
/* Where the turns of a rule with these weights are counted; 0: no slot is free. */
uint32_t datapath_turn_slot(struct datapath *dp, const char *rule, const char *split);
/* The maps that the proxy adds to; they stay dp's. */
int datapath_requests_map(struct datapath *dp);
int datapath_turns_map(struct datapath *dp);
#define REQUESTS_BITS (SHUNT_MAX_REQUESTS / 8 + SHUNT_MAX_PROXY_TURNS / 8) /* bytes */
/* Gives back each slot whose bit is 0: no proxy names it, nor will. Records first, then turns. */
void datapath_requests_keep(struct datapath *dp, const uint8_t bits[REQUESTS_BITS]);

struct requests_reading {
	const struct requests_name *name;
	struct requests counts; /* of all its records together */
};
/* False: it has no slot. */
bool datapath_requests_find(struct datapath *dp, const struct requests_of *of, struct requests *out);
void datapath_requests_each(struct datapath *dp,
			    void (*each)(const struct requests_reading *r, void *arg), void *arg);

/* ---- live connections that have to go ---- */

/* So many are dialled alike and go to the same endpoint. */
struct drain_reading {
	struct drain_key key;
	struct drain_tally tally;
	struct cluster_name name; /* of the cluster */
	bool gone; /* no plan in force has the endpoint any more */
	bool at_node; /* dialled at an address of the node */
};
/* What the following need is loaded; else the first of them does it, and takes the time. */
int datapath_drain_prepare(struct datapath *dp, char **why);
/* Those of these clusters (slots in cluster_state; none: of all). One walk over the live sockets,
 * and one over the connections by packet. */
int datapath_drain_tally(struct datapath *dp, const uint32_t *clusters, size_t nr,
			 void (*each)(const struct drain_reading *r, void *arg), void *arg,
			 char **why);
struct drain_wish {
	struct drain_key key;
	struct drain_order order;
	uint64_t met; /* out: how many were chosen for it */
};
struct leavers {
	VEC(struct leaving) list;
	uint64_t chosen; /* of them, those that were not chosen before */
};
/*
 * Chooses exactly as many as are wished for, as far as there are so many and DRAIN_LEAVING suffices,
 * and counts them; with those that were chosen before and still live they go to *out, which is
 * emptied first, but for connections by packet, which end here. In no order: the walk meets sockets
 * by a hash of where they are in memory.
 */
int datapath_drain_choose(struct datapath *dp, struct drain_wish *list, size_t nr,
			  struct leavers *out, char **why);
/* The same with those past the idleTimeout or maxConnectionDuration of their cluster. */
int datapath_drain_expired(struct datapath *dp, struct leavers *out, char **why);
/* Ends those that were chosen and that are in the network namespace of the calling thread, all of
 * the list's first `nr`. */
int datapath_drain_end(struct datapath *dp, const struct leaving *list, size_t nr);
/* Whether the kernel's own iterators end them (from 6.5), else it is asked by netlink. */
bool datapath_drain_iterates(struct datapath *dp);

/* ---- reading ---- */

int datapath_counters(struct datapath *dp, struct counters *out); /* summed over the CPUs */

struct datapath_status {
	uint32_t plan, layout;
	uint64_t leaked, audits;
	uint32_t older; /* sockets that were open before the programs: not counted, either end */
	char cgroup[256];   /* path, "" unknown */
	unsigned nr_programs; /* attached */
	char kernel[65];
	const char *notes[8]; /* "off: …, because …", NULL-terminated */
};
int datapath_status(struct datapath *dp, struct datapath_status *out);

struct cluster_reading {
	struct cluster_name name;
	uint32_t slot;
	int64_t active;
	uint64_t opened, connected, refused_limit, refused_no_endpoint, connect_failed;
	uint32_t ejected; /* endpoints that are out now */
	uint64_t ejections, ejections_refused; /* ever */
	uint64_t guarded; /* its guard keeps it out of splits since then, CLOCK_MONOTONIC ns; 0: not */
	uint64_t guards;  /* how often it did */
	struct traffic traffic;
};
int datapath_cluster_each(struct datapath *dp,
			  void (*each)(const struct cluster_reading *r, void *arg), void *arg);
/* IPPROTO_TCP, IPPROTO_UDP */
static inline uint8_t cluster_protocol(const struct plan_cluster *c)
{
	return c->udp ? IPPROTO_UDP : IPPROTO_TCP;
}
/* One cluster's. -ENOENT: it has never been in force. */
int datapath_cluster_find(struct datapath *dp, const char *host, uint16_t port, uint8_t protocol,
			  const char *subset, struct cluster_reading *out);
/* Who a slot of cluster_state is; -ENOENT. */
int datapath_cluster_name(struct datapath *dp, uint32_t slot, struct cluster_name *out);
struct endpoint_reading {
	int64_t active;
	uint64_t opened, connect_failed;
	uint32_t failures;  /* in a row */
	uint32_t ejections; /* ever */
	uint64_t ejected_until; /* CLOCK_MONOTONIC ns; 0: it is not */
};
/* The address of a cluster's endpoint, by their slots; its IPv4 one if it has both. False: it has
 * gone. */
bool datapath_endpoint_at(struct datapath *dp, uint32_t cluster, uint32_t endpoint,
			  struct inet *address, uint16_t *port);
int datapath_endpoint_find(struct datapath *dp, const struct plan_cluster *cluster,
			   const struct plan_endpoint *endpoint, struct endpoint_reading *out);

/* Every socket that carries a flow record, a consistent walk; more than `max` are only counted. */
int datapath_flow_each(struct datapath *dp, size_t max,
		       void (*each)(const struct flow *flow, void *arg), void *arg,
		       uint64_t *total, char **why);

struct map_reading {
	const char *name, *path, *holds; /* what it holds, one line */
	uint64_t used, max;
	const char *dump; /* the bpftool command that shows it */
};
int datapath_map_each(struct datapath *dp, void (*each)(const struct map_reading *r, void *arg),
		      void *arg);

int datapath_events_fd(struct datapath *dp); /* readable when events wait */
int datapath_events(struct datapath *dp, void (*each)(const struct event *e, void *arg), void *arg);

#endif
