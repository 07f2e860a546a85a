/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What gateways listen to, and where what comes in goes. Each distinct selector among the Gateway
 * objects stands for one gateway workload. Immutable once built, shared between plans by count.
 */
#ifndef PLAN_GATEWAY_H
#define PLAN_GATEWAY_H

#include "plan/dirty.h"

enum server_kind {
	SERVER_HTTP,	    /* plaintext */
	SERVER_HTTPS,	    /* TLS ends here, http rules */
	SERVER_TLS,	    /* TLS ends here, bytes by a tcp route */
	SERVER_PASSTHROUGH, /* TLS goes through, by server name */
	SERVER_TCP,
};
/* What servers of one port and bind have in common. */
enum listener_kind { LISTENER_HTTP, LISTENER_TLS, LISTENER_TCP };

enum credential_state { CREDENTIAL_FOUND, CREDENTIAL_MISSING, CREDENTIAL_LACKS_KEY };
struct plan_credential {
	const char *name; /* as written */
	enum credential_state state;
	const struct object *pair; /* the Secret with certificate and key; NULL: none */
	const struct object *ca;   /* that with the CA for clients; NULL: none, or not asked for */
};

/* The rules of one domain; a request takes its most specific domain and no other. */
struct plan_vhost {
	const char *domain;  /* "a.b", "*.b", "*" */
	bool https_redirect; /* plaintext: 301 to https, whatever the rules say */
	VEC(struct plan_rule) rules;
};
struct plan_vhosts {
	VEC(struct plan_vhost) list; /* the more specific domain first */
};

struct plan_server {
	struct plan_source from; /* Gateway spec.servers[i], or Ingress */
	enum server_kind kind;
	const struct gateway_host *hosts;
	size_t nr_hosts;
	const struct server_tls *tls; /* NULL: none */
	struct plan_credential *credentials;
	size_t nr_credentials;
	struct plan_vhosts vhosts;   /* https */
	VEC(struct plan_sni) snis;   /* passthrough */
	struct plan_route route;     /* tcp and tls; nr_splits 0: connections are closed */
	struct plan_source route_from; /* object NULL: no route */
};

struct plan_listener {
	uint16_t port;	      /* 0: bind is a unix path */
	uint16_t target_port; /* what the workload opens, by the Service before it */
	const char *bind;     /* "" all addresses */
	enum listener_kind kind;
	VEC(struct plan_server) servers;
	struct plan_vhosts vhosts; /* plaintext http: of all servers together */
};

struct plan_gateway {
	const char *key;     /* "istio=ingressgateway"; "all gateways" without selectors */
	struct labels labels;
	const char *namespace;
	const struct object *pod; /* the oldest of the workload; NULL: none is known */
	VEC(struct plan_listener) listeners;
	struct plan_host *part; /* owns the memory, the references and the findings */
};

struct plan_gateways {
	VEC(struct plan_gateway *) list;
	struct plan_host *part; /* findings that belong to no workload */
	struct strmap hosts;	/* what the rules were built from: hosts that they route to, */
	struct strmap secrets;	/* and "namespace/name" of Secrets that were looked for */
	int refs;
};

/* Plans the gateways of `set` into plan->gateways; NULL when there is nothing to say. */
void gateways_build(struct plan *plan, const struct config_set *set, const struct plan_index *x,
		    struct addresses *addresses);
/* Adds what was found while they were built, each thing once. */
void gateways_tell(const struct plan_gateways *g, struct diags *out);
/* Whether the gateways of the old plan (NULL: it has none) can no longer be shared; `hosts` are
 * those that are built anew. */
bool gateways_touched(const struct plan_gateways *g, const struct changes *changes,
		      const struct strmap *hosts);
struct plan_gateways *gateways_get(struct plan_gateways *g); /* NULL is fine, here and below */
void gateways_put(struct plan_gateways *g);

/* ---- gateway_print.c, gateway_json.c ---- */

/* Of workloads in `namespace`; NULL: all. `first`: nothing was printed before; returns it anew. */
bool gateways_print(const struct plan_gateways *g, const char *namespace, bool first, FILE *out);
/* A list of workloads. */
json_t *gateways_json(const struct plan_gateways *g, const char *namespace);
const char *server_kind_name(enum server_kind kind);
const char *listener_kind_name(enum listener_kind kind);
const char *server_tls_name(enum server_tls_mode mode); /* "SIMPLE" */
const char *credential_state_name(enum credential_state state);

#endif
