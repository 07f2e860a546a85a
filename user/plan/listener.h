/* SPDX-License-Identifier: GPL-2.0 */
/* Building one gateway workload: its servers, their tables, and what Ingresses add. */
#ifndef PLAN_LISTENER_H
#define PLAN_LISTENER_H

#include "plan/gateway.h"
#include "plan/host.h"

struct objects {
	VEC(struct object *) list;
};
/* All of a kind, oldest first; vec_free(&out->list). */
void objects_of(const struct strmap *kind, struct objects *out);

/* A gateway workload that is being planned. */
struct edge {
	struct planner p; /* .host is out->part, .caller the workload itself */
	struct plan_scope scope;
	struct plan_gateways *all;
	struct plan_gateway *out;
	const struct strmap *bound;	 /* "namespace/gateway" -> struct objects * */
	const struct objects *ingresses; /* those of our class */
};

/* "Gateway/default/edge spec.servers[0] (in.yaml:12)", from the arena of the workload. */
const char *source_text(struct edge *e, const struct plan_source *s);

/* ---- listener.c ---- */

/* One more server, unless it clashes with one that is there, which is a finding. */
void server_add(struct edge *e, struct plan_server *s, uint16_t port, const char *bind);
void gateway_servers_add(struct edge *e, const struct object *gateway);
/* What is sent where, of all servers. */
void listeners_route(struct edge *e);

/* ---- gateway_touch.c ---- */

/* Keeps the hosts that a workload leads to. */
void gateway_hosts_note(struct plan_gateways *all, const struct plan_gateway *g);

/* ---- credential.c ---- */

void credentials_find(struct edge *e, struct plan_server *s);

/* ---- binding.c ---- */

/* "namespace/gateway" -> VirtualServices bound to it. */
void bindings_find(const struct objects *services, struct strmap *out);
void bindings_free(struct strmap *bound);
/* VirtualServices bound to `gateway` that its workload sees, in the order they are asked. */
void candidates_of(struct edge *e, const struct object *gateway, struct objects *out);
/* The narrower of both names when `host` takes VirtualServices of that namespace; NULL: they do not
 * meet. */
const char *host_meets(const struct gateway_host *host, const char *name, const char *namespace);
/* Findings: VirtualServices bound to no Gateway that is there, or that meet no server of theirs. */
void bindings_check(struct planner *p, const struct objects *services);

/* ---- vhost.c ---- */

/* The vhosts of a table that is being made. */
struct table_use { /* what has given its rules already */
	const struct object *service, *gateway;
};
struct table_uses {
	VEC(struct table_use) list;
};
struct table {
	struct plan_vhosts *out;
	uint16_t port;
	struct strmap places;	     /* domain -> index + 1 */
	VEC(struct table_uses) uses; /* of each vhost */
};
/* The index of the domain's vhost, made when it is new. */
size_t table_place(struct table *t, const char *domain);
/* The table of the http servers at `servers`: one https server, or all plaintext ones of a port. */
void vhosts_build(struct edge *e, struct plan_server *servers, size_t nr, uint16_t port,
		  struct plan_vhosts *out);
void vhosts_free(struct plan_vhosts *v);

/* ---- gateway_route.c ---- */

void server_tcp_build(struct edge *e, struct plan_server *s, uint16_t port);
void server_sni_build(struct edge *e, struct plan_listener *l, struct plan_server *s);

/* ---- ingress.c ---- */

/* Ingresses of our class in order; findings about the others. */
void ingresses_find(struct planner *p, struct objects *out);
void ingress_servers_add(struct edge *e);
/* Adds the rules of all Ingresses for the hosts of `s`. */
void ingress_vhosts_add(struct edge *e, const struct plan_server *s, struct table *t);
extern const struct labels ingress_selector; /* istio: ingressgateway */

#endif
