/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds the objects that a host depends on. There is one index for a chain of plans: it moves with
 * the newest, changed by the objects that differ, so that a small change costs little. It borrows
 * the objects from the set of the plan that owns it.
 */
#ifndef PLAN_INDEX_H
#define PLAN_INDEX_H

#include "plan/plan.h"
#include "plan/scope.h"

struct bag {
	unsigned nr, cap;
	struct object *at[];
};

struct plan_index {
	/* each: key -> struct bag * */
	struct strmap entries;	    /* host -> ServiceEntries */
	struct strmap claims;	    /* address, subnet or node port -> who states it */
	struct strmap slices;	    /* "namespace/service" -> EndpointSlices */
	struct strmap workloads;    /* "namespace/key=value" -> Pods and WorkloadEntries */
	struct strmap selectors;    /* the same, of a selector's first label -> who selects by it */
	struct strmap pods;	    /* address -> Pods, but those on the host's network */
	struct strmap joins;	    /* "namespace/pod" or address -> slices that refer to it */
	struct strmap rules;	    /* host -> DestinationRules */
	struct strmap rules_in;	    /* "namespace/host" -> those of the namespace */
	struct strmap routes;	    /* host -> VirtualServices of the mesh */
	struct strmap destinations; /* host -> VirtualServices that route to it, or mirror */
	struct strmap delegates;    /* "namespace/name" -> VirtualServices that delegate to it */
	struct strmap aliases;	    /* host -> ExternalName Services that stand for it */
	struct strmap nodes;	    /* node -> Pods and slices that name it */
	struct scope_index scopes; /* who calls, as far as rules ask */
	struct strmap orphans;	    /* id -> struct object *: of no host, told of in plan.findings */
	size_t nr_wild_rules, nr_wild_routes;
	const struct plan *owner; /* whose set this is the index of */
	int refs;
};

struct plan_index *index_new(const struct config_set *set);
void index_put(struct plan_index *x); /* one reference less */
void index_add(struct plan_index *x, struct object *o);
void index_remove(struct plan_index *x, struct object *o);

#define INDEX_KEY 768
const char *index_key_label(char out[INDEX_KEY], const char *namespace, const struct label *label);
const char *index_key_name(char out[INDEX_KEY], const char *namespace, const char *name);
const char *index_key_address(char out[INDEX_KEY], const struct inet *address);
const char *index_key_subnet(char out[INDEX_KEY], const struct subnet *subnet);
const char *index_key_node_port(char out[INDEX_KEY], const struct service_port *port);

/*
 * The bags of the keys that cover `host`: its own, then wildcards from the longest to "*"; *step
 * starts at 0. NULL at the end.
 */
const struct bag *index_cover(const struct strmap *map, size_t nr_wild, const char *host,
			      size_t *step);
/* The same of the DestinationRules in `namespace`. */
const struct bag *index_rules_in(const struct plan_index *x, const char *namespace,
				 const char *host, size_t *step);
/* Pods and WorkloadEntries of `namespace` that may match `selector`: to be checked. */
const struct bag *index_workloads(const struct plan_index *x, const char *namespace,
				  const struct labels *selector);

/* "namespace/name" of the VirtualService that a route hands on to. */
const char *delegate_key(char out[INDEX_KEY], const struct object *vs,
			 const struct vs_delegate *d);
/* "*.b" covers "a.b"; without a star only the same name does. */
bool host_covers(const char *pattern, const char *host);
/* The selector of a Service or ServiceEntry, NULL when it selects nothing. */
const struct labels *selector_of(const struct object *o);

void bag_add(struct strmap *map, const char *key, struct object *o);
void bag_remove(struct strmap *map, const char *key, struct object *o);
void bags_free(struct strmap *map);

#define bag_each(bag, it)                                                                         \
	for (unsigned i_##it = 0; (bag) && i_##it < (bag)->nr && ((it) = (bag)->at[i_##it], 1);   \
	     i_##it++)

#endif
