/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who calls, as far as rules ask: which namespaces and labels some rule names, and how many
 * workloads are alike in all of them. Part of the index: it follows the objects that come and go.
 */
#ifndef PLAN_SCOPE_H
#define PLAN_SCOPE_H

#include "plan/plan.h"

struct scope_list {
	VEC(struct plan_scope *) list; /* sorted by key */
};

struct scope_index {
	struct strmap namespaces; /* that a rule asks for -> how many rules do */
	struct strmap selectors;  /* "namespace/key=value" of the first label -> struct asked * */
	struct strmap keys;	  /* of labels whose value localities compare -> how many rules do */
	struct strmap gateways;	  /* the same, of those that select gateways */
	struct strmap sidecars;	  /* namespace -> struct bag * of Sidecars */
	size_t nr_everywhere;	  /* Sidecars for all namespaces: each of them counts */
	struct strmap counts;	  /* key -> how many workloads */
	bool stale;		  /* what is asked has changed: everyone is to be counted anew */
	bool moved;		  /* a workload or a Sidecar came or went */
	struct scope_list now;	  /* borrows its Sidecars from the set */
};

void scope_index_add(struct scope_index *s, struct object *o);
void scope_index_remove(struct scope_index *s, struct object *o);
/*
 * Brings `now` up to date with `set` after objects came and went. *went: those that are no more or
 * have another Sidecar, to be freed by the caller; *came: what is new in their place, borrowed.
 */
void scope_index_follow(struct scope_index *s, const struct config_set *set,
			struct scope_list *went, struct scope_list *came);
/* Whether any workload of the set has the Sidecar. */
bool scope_index_use(const struct scope_index *s, const struct object *sidecar);
void scope_index_free(struct scope_index *s);

/* A scope on its own, from its key; scope_free. */
struct plan_scope *scope_new(const char *key);
void scope_free(struct plan_scope *s);
/* Its namespace, labels and Sidecar are those of `from`. */
struct plan_scope *scope_copy(const struct plan_scope *from);
/* Of a Pod or WorkloadEntry. */
const struct labels *workload_labels(const struct object *o);

/* ---- asked.c ---- */

/* Up by one or down by one; true when the key came or went. */
bool count_change(struct strmap *map, const char *key, int by);
/* A rule comes (by 1) or goes (by -1). */
void asked_change(struct scope_index *s, const struct object *o, int by);
/* The key of a workload's scope, "" for everyone's; the caller frees. */
char *asked_key(const struct scope_index *s, const struct object *workload);
/* Whether a Gateway selects workloads with these labels. */
bool asked_gateway(const struct scope_index *s, const struct labels *l);
void asked_free(struct scope_index *s);

#endif
