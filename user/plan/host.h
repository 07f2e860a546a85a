/* SPDX-License-Identifier: GPL-2.0 */
/* Building one host's part of a plan, stage by stage: owner, ports, route, cluster, endpoints. */
#ifndef PLAN_HOST_H
#define PLAN_HOST_H

#include "plan/index.h"

/* What a host is built from, and what is being built. */
struct planner {
	const struct config_set *set;
	const struct plan_index *index;
	struct addresses *addresses;
	struct plan_host *host;
	const struct object *owner; /* of host */
	const struct plan_scope *caller; /* whom it is planned for; NULL: everyone */
};

/* Namespace and labels of p->caller; "" and none for everyone. */
const char *caller_namespace(const struct planner *p);
const struct labels *caller_labels(const struct planner *p);

/* NULL when no object has that host. The result has one reference. */
struct plan_host *host_build(struct planner *p, const char *host);
void host_put(struct plan_host *h);
struct plan_host *host_get(struct plan_host *h);
/* The Service, else the oldest ServiceEntry of `host`; NULL: none. */
struct object *host_owner(const struct planner *p, const char *host);
/* "name.namespace.svc.cluster.local" */
const char *service_host(const struct object *service, char out[INDEX_KEY]);
const struct service_port *owner_ports(const struct object *owner, size_t *nr);
/* Keeps `o` alive as long as the host's part. */
void host_use(struct planner *p, struct object *o);
/* A finding about `field` of `o`. */
void host_find(struct planner *p, enum diag_level level, const struct place *place,
	       const struct object *o, const char *field, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* ---- claims.c ---- */

/* Another host has an address of p->host with this port, which is a finding. */
bool port_is_claimed(struct planner *p, const struct service_port *port);

/* ---- endpoints.c ---- */

/* An endpoint before subsets; its strings and labels belong to the objects. */
struct backend {
	struct plan_endpoint endpoint;
	const struct labels *labels; /* NULL: not known, which matches no label */
};
struct backends {
	VEC(struct backend) list;
	size_t nr_waiting; /* slice endpoints whose Pod is not known */
};

const char *slice_pod_namespace(const struct object *slice, const struct slice_endpoint *e);
/* By address and port; 0 is the same server. */
int endpoint_address_order(const struct plan_endpoint *a, const struct plan_endpoint *b);
/* The ready ones of `owner` on its port, in order. A server that is written twice stands twice, as its
 * labels may differ and put it into two subsets. vec_free(&out->list). */
void backends_of(const struct planner *p, const struct object *owner,
		 const struct service_port *port, struct backends *out);

/* ---- cluster.c ---- */

/* The DestinationRules that count for a host: of one namespace and one host text, oldest first. */
struct rules {
	VEC(struct object *) list;
};
void rules_of(const struct planner *p, const char *host, const char *namespace, struct rules *out);
/* False: the rule selects callers, which is not in force, so it must not count for anyone. */
bool rule_is_for_all(const struct object *rule);

/* What the blocks of the rules come to for one port and subset, and which field said so. */
struct policy_choice {
	enum policy policy;
	uint32_t max_connections;
	const struct object *rule; /* that chose the policy; NULL: the default */
	char field[128];
};
void policy_choose(const struct rules *rules, uint16_t port, const char *subset,
		   struct policy_choice *out);
/* The first definition of a subset, NULL when there is none; *rule: whose it is. */
const struct subset *subset_find(const struct rules *rules, const char *name,
				 struct object **rule);
/* A destination; with port 0 the rule for unnamed ports decides, seen from `listener`. */
struct plan_cluster *cluster_build(struct planner *p, const char *host, const char *subset,
				   uint16_t port, uint16_t listener, struct policy_choice *choice);

/* ---- route.c ---- */

enum section { SECTION_NONE, SECTION_HTTP, SECTION_TCP };

/* Which VirtualService has a host: the first of its most specific host text; NULL: none. */
struct object *routes_owner(const struct planner *p, const char *host, const struct bag **all);
enum section section_of(const struct virtual_service *vs, enum protocol protocol,
			const struct later **later);
/* The first route of the section that takes connections to `port`. */
const struct vs_route *route_find(const struct virtual_service *vs, enum section section,
				  uint16_t port);
void route_build(struct planner *p, struct plan_port *out, const struct object *vs);

/* ---- print.c ---- */

/* "3/4", reduced */
const char *share_print(uint32_t weight, uint32_t total, char out[32]);
const char *policy_name(enum policy policy);
const char *verdict_name(enum verdict verdict);
/* Whether the object `id` is in `namespace` (NULL: any). */
bool id_in_namespace(const char *id, const char *namespace);

/* ---- json.c ---- */

json_t *json_of_port(const struct plan_port *port);
json_t *json_of_route(const struct plan_route *route);
json_t *json_of_place(const struct place *place); /* "file:line:column", or null */

#endif
