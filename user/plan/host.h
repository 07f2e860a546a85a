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
	struct strmap *clusters; /* those of host for caller, so that routes share them */
};

/* Namespace and labels of p->caller; "" and none for everyone. */
const char *caller_namespace(const struct planner *p);
const struct labels *caller_labels(const struct planner *p);

/* NULL when no object has that host. The result has one reference. p->caller and p->host are not used. */
struct plan_host *host_build(struct planner *p, const char *host);
/* Whose part p->caller sees: who has the host, else the VirtualService that names it; NULL: none. */
struct object *host_dialled(const struct planner *p, const char *host);
void host_put(struct plan_host *h);
struct plan_host *host_get(struct plan_host *h);
/*
 * Whose endpoints p->caller reaches by `host`: the Service's, else a ServiceEntry's of the caller's
 * namespace, else the oldest one's; NULL: nobody has it, or not for this caller.
 */
struct object *host_owner(const struct planner *p, const char *host);
/* "name.namespace.svc.cluster.local" */
const char *service_host(const struct object *service, char out[INDEX_KEY]);
const struct service_port *owner_ports(const struct object *owner, size_t *nr);
/* Those that are written in it. */
const struct inet *owner_addresses(const struct object *owner, size_t *nr);
const struct subnet *owner_subnets(const struct object *owner, size_t *nr);
/* Keeps `o` alive as long as the host's part. */
void host_use(struct planner *p, struct object *o);
/* Frees what only its building needs. */
void host_end(struct plan_host *h);
/* A finding about `field` of `o`. */
void host_find(struct planner *p, enum diag_level level, const struct place *place,
	       const struct object *o, const char *field, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* ---- claims.c ---- */

/* Who has the port at a key of index.claims before p->owner; NULL: nobody. */
const struct object *claimed_by(const struct planner *p, const char *key,
				const struct service_port *port);
/* Another host has an address of p->host with this port, which is a finding. */
bool port_is_claimed(struct planner *p, const struct service_port *port);

/* ---- endpoints.c ---- */

/* An endpoint before subsets; its strings and labels belong to the objects. */
struct backend {
	struct plan_endpoint endpoint;
	const struct labels *labels; /* NULL: not known, which matches no label */
	const char *node;	     /* "" not known */
	const struct slice_hints *hints; /* NULL: none */
};
struct backends {
	VEC(struct backend) list;
	size_t nr_waiting; /* slice endpoints whose Pod is not known */
};

/* Of a Node of the set by its name, which may be NULL; "" when it is not known. */
const char *node_locality(const struct planner *p, const char *node);
const char *slice_pod_namespace(const struct object *slice, const struct slice_endpoint *e);
/* By address and port; 0 is the same server. */
int endpoint_address_order(const struct plan_endpoint *a, const struct plan_endpoint *b);
/* The ready ones of `owner`, which has `host`, on its port, in order. A server that is written twice
 * stands twice, as its labels may differ and put it into two subsets. vec_free(&out->list). */
void backends_of(const struct planner *p, const struct object *owner, const char *host,
		 const struct service_port *port, struct backends *out);

/* ---- topology.c ---- */

/* Whether the name is that of the node that is planned for. */
bool node_is_ours(const struct planner *p, const char *node);
/* Leaves of a destination's servers those that callers on this node, or from outside of it, get. */
void topology_apply(struct planner *p, const struct plan_cluster *c, const struct object *owner,
		    bool outside, struct backends *backends);

/* ---- destination_rule.c ---- */

/* The DestinationRules that count for a host: of one namespace and one host text, oldest first. */
struct rules {
	VEC(struct object *) list;
};
/*
 * Those of `host`, whose object stands in `namespace`, for p->caller: the caller's own namespace
 * comes first, then that one, then the root's. vec_free(&out->list).
 */
void rules_of(const struct planner *p, const char *host, const char *namespace, struct rules *out);
/* The first definition of a subset, NULL when there is none; *rule: whose it is. */
const struct subset *subset_find(const struct rules *rules, const char *name,
				 struct object **rule);

/* ---- cluster.c ---- */

/* As what connections to a port are seen. */
enum layer {
	LAYER_TCP,
	LAYER_AUTO, /* by their first bytes, http or not */
	LAYER_HTTP,
	LAYER_UDP,
};
/* How a route reaches a destination: that decides which of its settings count. */
struct reach {
	enum layer layer;
	uint16_t listener; /* the port of the route */
	bool routed;	   /* by a route that somebody wrote, not the plain service */
	bool alone;	   /* the only destination of its route */
};
/* A destination, one of p->clusters; with port 0 the rule for unnamed ports decides. */
struct plan_cluster *cluster_build(struct planner *p, const struct destination *d,
				   const struct reach *reach);

/* The same for callers from outside of the node, who are not kept to its endpoints; `c` itself where
 * that makes no difference. */
struct plan_cluster *cluster_from_outside(struct planner *p, struct plan_cluster *c);

/* ---- policy.c ---- */

/* No block, said by nobody. */
void policy_clear(struct plan_policy *out);
/* The blocks in force for a destination whose port comes to `port`. */
void policy_resolve(struct planner *p, const struct rules *rules, const struct destination *d,
		    uint16_t port, const struct reach *reach, struct plan_policy *out);
/* The first field of a policy that needs the proxy; false: there is none. */
bool policy_because(struct planner *p, const struct plan_policy *policy, enum layer layer,
		    struct plan_source *out);
bool policy_needs_tls(const struct plan_policy *policy);
/* Says what of a policy has no effect on a cluster that the kernel serves. */
void policy_tell(struct planner *p, const struct plan_policy *policy);

/* ---- route.c ---- */

/* Which VirtualService has a host for p->caller: the first of its most specific host text; NULL:
 * none. *all: those that state the same host text. */
struct object *routes_owner(const struct planner *p, const char *host, const struct bag **all);
/* What is the caller's alone comes first, then what is for it by name, then what is for all. */
int routes_rank(const struct planner *p, const struct object *vs);
/* The split of a route of `vs` (route->path says which), in the layer and port of `reach`. */
void split_build(struct planner *p, struct plan_route *out, const struct object *vs,
		 const struct vs_route *route, const struct reach *reach);
/* The route of a host that no VirtualService has: all to its own port. */
void plain_build(struct planner *p, struct plan_route *out, const struct reach *reach);

/* ---- tcp_route.c ---- */

/*
 * The first tcp route that takes all of the port, else the plain service's, false: the latter; and
 * those before it that take some of its addresses, as branches. Of a UDP port only routes that name it.
 */
bool tcp_route_build(struct planner *p, struct plan_port *port, const struct object *vs);
/* The same without branches: what takes some addresses is passed over, and told. */
bool tcp_bytes_build(struct planner *p, const struct plan_port *port, const struct object *vs,
		     struct plan_route *out);
/* Whether the host's addresses, for p->caller, meet the subnet. */
bool host_meets_subnet(const struct planner *p, const struct subnet *subnet);

/* ---- wishes.c ---- */

/* Whether the port is asked to be split by request; `vs` may be NULL. */
bool split_is_asked(struct planner *p, const struct object *vs, struct plan_source *out);
bool refusal_is_asked(struct planner *p, const struct object *vs);
/* What keys of shunt.io/ say of live connections to a port that is planned. */
void wishes_set(struct planner *p, struct plan_port *out, const struct object *vs);

/* ---- verdict.c ---- */

/* The rules, the verdict and the kernel's route of a port; `vs` may be NULL. */
void route_build(struct planner *p, struct plan_port *out, const struct object *vs);

/* ---- unproxied.c ---- */

/* Notices of what the rules of a proxied port ask for in vain. */
void unproxied_tell(struct planner *p, const struct plan_port *port);

/* ---- advice.c ---- */

/* Warnings of what is written on `port` and cannot have its effect there. */
void advice_give(struct planner *p, const struct plan_port *port, const struct object *vs);

/* ---- view.c ---- */

/* What callers of `scope` (may be NULL) see; NULL: they have no view of their own. */
const struct plan_view *view_find(const struct plan_host *h, const struct plan_scope *scope);

/* ---- print_route.c, print_port.c, print.c ---- */

/* "3/4", reduced */
const char *share_print(uint32_t weight, uint32_t total, char out[32]);
const char *policy_name(enum policy policy);
const char *verdict_name(enum verdict verdict);
void route_print(const struct plan_route *r, const char *host, const char *indent, FILE *out);
void rule_print(const struct plan_rule *r, size_t number, const char *host, const char *indent,
		FILE *out);
void sni_print(const struct plan_sni *s, size_t number, const char *host, const char *indent,
	       FILE *out);
void port_print(const struct plan_port *port, const char *host, const char *indent, FILE *out);
void findings_print(const struct diags *findings, const char *indent, FILE *out);
bool filter_takes(const struct plan_filter *filter, const struct plan_host *h);
/* Whether the object `id` is in `namespace` (NULL: any). */
bool id_in_namespace(const char *id, const char *namespace);

/* ---- refusals.c ---- */

/* Callers that are refused what is no host of theirs. `first`: nothing was printed before; returns it
 * anew. */
bool refusals_print(const struct plan *p, const struct plan_filter *filter, bool first, FILE *out);

/* ---- json.c ---- */

json_t *json_of_port(const struct plan_port *port);
json_t *json_of_route(const struct plan_route *route);
json_t *json_of_sni(const struct plan_sni *s);
json_t *json_of_findings(const struct diags *findings);
json_t *json_of_place(const struct place *place); /* "file:line:column", or null */
json_t *json_of_texts(const char *const *at, size_t nr);
void json_put_time(json_t *to, const char *key, int64_t ns); /* as people write it; 0: nothing */

/* ---- rule_json.c, policy_json.c ---- */

json_t *json_of_rule(const struct plan_rule *r);
json_t *json_of_match(const struct plan_match *match);
json_t *json_of_headers(const struct http_headers *h);
json_t *json_of_policy(const struct plan_policy *p); /* the blocks that are set */
json_t *json_of_source(const struct plan_source *s); /* {"object", "field", "place"}, or null */
json_t *json_of_retry_on(uint32_t on);		     /* words; text.c */

#endif
