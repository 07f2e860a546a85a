/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel side as the rest of the program sees it; nobody else knows libbpf. Every error comes
 * with one sentence in *why (the caller frees; NULL on success).
 */
#ifndef DATAPATH_DATAPATH_H
#define DATAPATH_DATAPATH_H

#include "base/diag.h"
#include "plan/plan.h"
#include <shunt/counters.h>
#include <shunt/endpoint.h>
#include <shunt/flow.h>
#include <shunt/requests.h>
#include <shunt/service.h>

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
};
int datapath_cluster_each(struct datapath *dp,
			  void (*each)(const struct cluster_reading *r, void *arg), void *arg);
/* One cluster's. -ENOENT: it has never been in force. */
int datapath_cluster_find(struct datapath *dp, const char *host, uint16_t port, const char *subset,
			  struct cluster_reading *out);
struct endpoint_reading {
	int64_t active;
	uint64_t opened, connect_failed;
};
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
