/* SPDX-License-Identifier: GPL-2.0 */
/* From a plan to what the proxy knows. */
#ifndef AGENT_SNAPSHOT_H
#define AGENT_SNAPSHOT_H

#include "plan/plan.h"
#include "snapshot/table.h"

/*
 * The http side of `plan`: what is dialled and needs the proxy, and all that a Host header can name
 * on such a connection; without the former nothing. It borrows from the plan, the rest is of the
 * arena. scope_number gives the number of a scope by its key; 0: it has none, and is left out.
 * `before`, of UINT16_MAX + 1, or NULL: port numbers that led to the proxy in earlier plans, added to;
 * connections of that time may live on, so the table has all http ports there.
 */
struct table *snapshot_of(const struct plan *plan, struct arena *arena,
			  uint32_t (*scope_number)(const char *key, void *arg), void *arg,
			  bool *before);

/* ---- snapshot_cluster.c ---- */

/* Clusters by what they are, each once. */
struct snapshot_clusters {
	struct arena *arena;
	struct table_cluster *at; /* room for all that are asked for */
	size_t nr;
	struct strmap by_name; /* "outbound|..." -> struct variants * */
	struct strmap names;   /* given to variants */
};

/* The one of `c`, as callers of the scope `key` ("" everyone) have it. */
struct table_cluster *snapshot_cluster(struct snapshot_clusters *all, const struct plan_cluster *c,
				       const char *key);
void snapshot_clusters_free(struct snapshot_clusters *all);

/* ---- snapshot_rule.c ---- */

/* Sets what a port of `host` does, whose number and protocol are set, for callers of `key` as
 * above. */
void snapshot_rules(struct snapshot_clusters *clusters, const char *host, const char *key,
		    const struct plan_port *p, struct table_port *out);

#endif
