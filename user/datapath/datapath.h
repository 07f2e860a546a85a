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
/* Gives back slots that nothing has pointed at for long enough. Milliseconds until it is worth calling
 * again, -1: nothing waits. */
int datapath_reclaim(struct datapath *dp);
/* Finds reservations that no socket holds and returns them; *leaked: how many. Takes one walk over
 * the live sockets and two grace periods. */
int datapath_audit(struct datapath *dp, uint64_t *leaked, char **why);

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
