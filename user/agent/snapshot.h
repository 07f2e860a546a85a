/* SPDX-License-Identifier: GPL-2.0 */
/* From a plan's host to what the proxy knows of it. */
#ifndef AGENT_SNAPSHOT_H
#define AGENT_SNAPSHOT_H

#include "plan/plan.h"
#include "snapshot/table.h"

/* What a part depends on beside its host. */
struct snapshot_ground {
	/*
	 * Port numbers that lead to the proxy, of any host, of UINT16_MAX + 1. Connections to them
	 * live on when their host's port is the kernel's again, and a Host header on them can name
	 * any host, so parts have all http ports of these numbers.
	 */
	bool *dialled;
	/* The number of a scope by its key; 0: it has none, and is left out. */
	uint32_t (*scope_number)(const char *key, void *arg);
	void *arg;
};

/* Adds those of the host to g->dialled; false: they were known. */
bool snapshot_dialled(const struct plan_host *h, struct snapshot_ground *g);
/* Whether it has a part at all. */
bool snapshot_wants(const struct plan_host *h, const struct snapshot_ground *g);
/* The part of such a host. It borrows from the plan, the rest is the arena's. */
struct table_part *snapshot_part(const struct plan_host *h, const struct snapshot_ground *g,
				 struct arena *arena);
/* Those scopes of the plan of which there is something to say. */
void snapshot_scopes(const struct plan *plan, const struct snapshot_ground *g, struct arena *arena,
		     struct table *out);

/* ---- snapshot_cluster.c ---- */

/* Clusters by what they are, each once. */
struct snapshot_clusters {
	struct arena *arena;
	struct table_cluster *at; /* room for all that are asked for */
	size_t nr;
	struct strmap by_name; /* "outbound|..." -> struct variants * */
};

struct table_cluster *snapshot_cluster(struct snapshot_clusters *all, const struct plan_cluster *c);
void snapshot_clusters_free(struct snapshot_clusters *all);

/* ---- snapshot_rule.c ---- */

/* Sets what a port of `host` does, whose number and protocol are set. */
void snapshot_rules(struct snapshot_clusters *clusters, const char *host, const struct plan_port *p,
		    struct table_port *out);

#endif
