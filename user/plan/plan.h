/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What will happen, host by host. A plan is immutable and numbered. A host's part is a pure function
 * of the configuration, so a plan made after a change shares the parts that the change does not
 * touch (same pointer = same meaning).
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <jansson.h>
#include "base/inet.h"
#include "config/set.h"
#include <shunt/limits.h>
#include <shunt/policy.h>

enum verdict {
	VERDICT_KERNEL,
	VERDICT_PROXY,	   /* the kernel has its bypass, or refuses: see plan_port.on_failure */
	VERDICT_UNTOUCHED, /* passes as dialled */
};

/* What the kernel does with connections that the proxy cannot take. */
enum on_failure {
	FAILURE_BYPASS, /* plan_port.route: the first http route without a match, else the plain service */
	FAILURE_REFUSE,
};

/* The element of an object that decided something. */
struct plan_source {
	const struct object *object; /* NULL: nobody, it is the default */
	const char *field;	     /* "spec.http[0]"; "" the object as a whole */
	struct place place;
};

struct plan_endpoint {
	struct inet ipv4, ipv6; /* all zero: none */
	bool has_ipv4, has_ipv6;
	bool on_node;	  /* it runs on the planner's own node */
	uint8_t priority; /* 0 is nearest the caller */
	uint16_t port;
	uint32_t weight;
	uint32_t share; /* of the requests among those of its priority; 0: it gets none */
	const char *name;    /* "default/reviews-v1-0", a WorkloadEntry's, or "" */
	const char *version; /* label `version`, or "" */
	const char *locality; /* "region/zone/subzone", or "" */
	const char *dns_name; /* to be looked up, not in force yet: no address; "" none */
};

enum policy_block {
	BLOCK_LOAD_BALANCER,
	BLOCK_CONNECTION_POOL,
	BLOCK_OUTLIER_DETECTION,
	BLOCK_TLS,
	BLOCK_TUNNEL,
	BLOCK_PROXY_PROTOCOL,
	BLOCK_RETRY_BUDGET,
	NR_BLOCKS
};
/* The blocks that are in force for a cluster, borrowed from the rules that said them. */
struct plan_policy {
	struct traffic_policy blocks; /* its `ports` are not used */
	/* NR_BLOCKS; .field "spec.subsets[0].trafficPolicy.tls", "" of those that nobody said */
	const struct plan_source *from;
};

/* A destination: host, port, subset, with its policy and its ready endpoints. */
struct plan_cluster {
	const char *host, *subset; /* subset "": none */
	uint16_t port;
	bool udp; /* of a UDP port: another cluster than a TCP one of that number */
	enum policy policy;	  /* what the kernel does */
	uint32_t table_size;	  /* of POLICY_SOURCE_HASH: entries of its table; 0: the default */
	uint32_t affinity;	  /* s that a caller keeps its endpoint, of sessionAffinity; 0: none */
	uint32_t max_connections; /* per node; 0: no limit */
	struct plan_policy full;
	const char *because;	  /* the field of the policy that needs the proxy, or "" */
	bool needs_tls;		  /* client TLS: never bypassed */
	const char *unknown;	  /* NULL, or why there is no such cluster */
	/* The objects that make it, by comma, where they are others for these callers than for
	 * everyone; else "". Limits and health are those of all with one host, port, subset and this. */
	const char *apart;
	struct plan_endpoint *endpoints; /* IPv4 only, both, IPv6 only; each sorted by address, port */
	size_t nr_endpoints;
};

struct plan_split {
	uint32_t weight; /* after division by the gcd */
	struct plan_cluster *cluster;
	const struct http_headers *headers; /* on the proxy; NULL: none */
};

struct plan_route {
	const char *name;   /* "default" for the plain service, else the route's name or path */
	const char *object; /* id of the VirtualService, or "" */
	struct plan_split *splits;
	size_t nr_splits;
	uint32_t total; /* sum of the weights */
	const uint8_t *schedule; /* `total` picks; NULL with a single destination */
};

struct plan_match {
	struct http_match http;
	struct plan_source from; /* .field "spec.http[0].match[1]" */
};
struct plan_mirror {
	struct plan_cluster *cluster;
	uint32_t millionths;
};
/* An http route as the proxy walks it, for one kind of caller: what does not depend on the request
 * has been decided. */
struct plan_rule {
	const char *name;	     /* "root-child" of a delegate; "default" of the plain service */
	struct plan_source from;     /* the VirtualService's or Ingress's route */
	struct plan_source delegate; /* the delegate's route it came from; object NULL: none */
	struct plan_match *matches;  /* any of them; none: always */
	size_t nr_matches;
	struct plan_route route; /* nr_splits 0: redirect or direct_response */
	const struct http_redirect *redirect; /* each NULL: none */
	const struct http_response *direct_response;
	const struct http_rewrite *rewrite;
	const struct http_fault *fault;
	const struct http_retries *retries; /* NULL: the default policy, 2 retries */
	const struct http_cors *cors;
	const struct http_headers *headers;
	struct plan_mirror *mirrors;
	size_t nr_mirrors;
	int64_t timeout;	    /* ns; 0: none */
	struct plan_source because; /* the field that needs the proxy; object NULL: the kernel can do it */
};

struct plan_address {
	struct inet address;
	uint16_t port;
};

/* What becomes of live connections whose endpoint goes or whose share shrinks. */
enum drain {
	DRAIN_KEEP,
	DRAIN_WITHIN, /* moved by and by, the last one after so long */
	DRAIN_NOW,
};
struct plan_drain {
	enum drain how;
	int64_t within; /* ns, of DRAIN_WITHIN */
	struct plan_source from;
};
/* A destination of the route is left out when so many of its last connections failed. */
struct plan_guard {
	uint32_t percent; /* more than this share of failures; 0: no guard */
	uint32_t window;  /* connections */
	struct plan_source from;
};
/* A tcp route for some of the addresses that are dialled. */
struct plan_branch {
	struct subnet subnet; /* the longest one that has the address counts */
	struct plan_route route;
};
struct plan_port {
	uint16_t port;
	const char *name; /* "" */
	enum protocol protocol;
	enum verdict verdict;
	const char *because; /* of proxy and untouched; "" */
	struct plan_source because_from; /* of proxy */
	bool host_only;	     /* has loopback endpoints: for callers on the host alone */
	bool by_name; /* of untouched: the rules are for requests with its Host that came to the
		       * proxy on a connection to another host */
	enum on_failure on_failure; /* of proxy */
	const char *refuse_because; /* why it refuses always, or "" */
	struct plan_address *passes; /* of untouched: known servers, in order; they pass as dialled */
	size_t nr_passes;
	struct plan_route route; /* the kernel's: of a proxy port its bypass, nr_splits 0: refuse */
	struct plan_branch *branches; /* of tcp and udp ports: destinationSubnets */
	size_t nr_branches;
	uint16_t node_port; /* 0: none */
	/* Of callers from outside of the node, where internalTrafficPolicy keeps others to it;
	 * NULL: it is `route` for them too. */
	struct plan_route *outside_route;
	bool splice;	    /* its Service asks for it */
	struct plan_drain drain;
	struct plan_guard guard;
	struct plan_rule *rules; /* http ports: what the proxy would walk, up to one without a match */
	size_t nr_rules;
	struct plan_route bytes; /* of proxy, where tcp routes count: for what is no http */
	struct plan_sni *snis; /* tls ports with tls routes */
	size_t nr_snis;
};
/* A tls route: server names, and where they go. */
struct plan_sni {
	const char **hosts; /* exact or "*.suffix" */
	size_t nr_hosts;
	struct subnet *subnets; /* destinationSubnets; none: the service's addresses */
	size_t nr_subnets;
	struct plan_source from;
	struct plan_route route;
};

/*
 * Who calls, as far as any rule asks: two callers of one scope see the same of every host. The key
 * is for people and programs alike: "default{app=web}", "*{app=web}" when no rule asks for the
 * namespace; "" is everyone else.
 */
struct plan_scope {
	const char *key;
	const char *namespace; /* "" not asked for, or not known */
	struct labels labels;  /* those that rules ask for and that it has */
	const struct object *sidecar; /* NULL: none, everything is imported */
	bool closed;	    /* hosts exist for it only where one of its views says so */
	bool registry_only; /* what is no host of its is refused, not passed */
	size_t nr_pods;	    /* Pods of the set that are in it */
};

/* What callers of some scopes see of a host, where that differs from plan_host.ports. */
struct plan_view {
	const char **scopes; /* keys */
	size_t nr_scopes;
	bool visible; /* false: for them there is no such host, its addresses pass or are refused */
	const char *id; /* of the object that has the host for them, and the addresses it gives */
	struct inet *addresses;
	size_t nr_addresses;
	struct subnet *subnets; /* as plan_host's */
	size_t nr_subnets;
	struct plan_port *ports;
	size_t nr_ports;
};

struct plan_host {
	const char *host;
	const char *id; /* of the Service or ServiceEntry, else of the VirtualService that names it */
	struct inet *addresses; /* both families */
	size_t nr_addresses;
	bool allocated; /* the addresses are ours */
	struct subnet *subnets; /* CIDR addresses: all in them are its own */
	size_t nr_subnets;
	struct inet *outside; /* external and load balancer addresses: for callers of the node, too */
	size_t nr_outside;
	bool outside_local; /* externalTrafficPolicy Local: to endpoints on the node alone */
	const char **domains; /* names it answers to on an http port, from any namespace */
	size_t nr_domains;
	struct plan_port *ports; /* for everyone; also for callers that are not known */
	size_t nr_ports;
	bool visible; /* false: private, and everyone else does not see it */
	bool asks;    /* what it does depends on who calls: its views follow the scopes */
	struct plan_view *views;
	size_t nr_views;
	const struct later **laters; /* fields that concern this host and are not in force */
	const char **later_ids;	     /* the object of each */
	size_t nr_laters;
	struct diags findings; /* across objects: warnings and notices */
	VEC(struct object *) used; /* objects whose text the above points into; references held */
	struct strmap told, held; /* while it is built: what is in `findings`, the ids of `used` */
	struct arena *arena;
	int refs;
};

struct plan {
	uint32_t number;
	struct strmap hosts; /* host -> struct plan_host * */
	struct diags findings; /* of objects that belong to no host */
	struct strmap scopes; /* key -> struct plan_scope *; "" is not among them */
	struct plan_gateways *gateways; /* NULL: none */
	struct plan_index *index;
};

/* Whether the proxy takes the connections of a port. */
static inline bool plan_port_proxied(const struct plan_port *p)
{
	return p->verdict == VERDICT_PROXY &&
	       (p->protocol == PROTOCOL_HTTP || p->protocol == PROTOCOL_AUTO);
}

/* Whether requests, or server names, choose among the rules of a port. */
static inline bool plan_port_walked(const struct plan_port *p)
{
	return p->verdict == VERDICT_PROXY || p->by_name;
}

/* The VirtualService that routes what is no http on a port of the proxy's; "": none. */
static inline const char *plan_bytes_object(const struct plan_port *p)
{
	return p->bytes.nr_splits && p->nr_rules ? p->bytes.object : "";
}

/* Whether it takes those of any port, of any caller. */
bool plan_proxied(const struct plan *p);
/* Whether the kernel chooses any endpoint by the caller's address. */
bool plan_by_source(const struct plan *p);

/* ---- who calls ---- */

/* The scope of a Pod of the plan's set; NULL: everyone's. */
const struct plan_scope *plan_scope_of(const struct plan *p, const struct object *pod);
/*
 * The scope of "namespace/pod" or "namespace", *pod (may be NULL) its Pod; NULL: everyone's, also when
 * no such Pod is known.
 */
const struct plan_scope *plan_scope_from(const struct plan *p, const struct config_set *set,
					 const char *from, const struct object **pod);
/* What a caller of `scope` (NULL: everyone) sees of a host: its ports, and false when the host does not
 * exist for it. */
bool plan_view_of(const struct plan_host *h, const struct plan_scope *scope,
		  const struct plan_port **ports, size_t *nr);

/* Allocated service addresses: host -> both addresses. Kept over restarts by the agent. */
struct addresses;
struct addresses *addresses_new(void);
void addresses_free(struct addresses *a);
/*
 * The address of `host` in 240.240.0.0/16 (and the one beside it in 2001:2::/48); picked by hash of the
 * name, next free one on a clash. -ENOSPC when the range is full.
 */
int addresses_of(struct addresses *a, const char *host, struct inet *ipv4, struct inet *ipv6);
/* Text of one "host number" line each; read puts what the text says.
 * -EINVAL on a bad line, with the good ones put. */
char *addresses_print(const struct addresses *a);
int addresses_read(struct addresses *a, const char *text);
bool addresses_changed(struct addresses *a); /* since the last call */

/*
 * Plans `set`. With `old` (the plan of `old_set`) only hosts that the difference can reach are
 * built anew. The result is the caller's, plan_free. Never fails for a valid set: what cannot be
 * done is a finding, and that host is left out. A route past the limits of a split is such a
 * case (-E2BIG with an error in `diags`: the whole plan is refused).
 */
int plan_build(const struct config_set *set, const struct config_set *old_set,
	       const struct plan *old, struct addresses *addresses, uint32_t number,
	       struct diags *diags, struct plan **out);
void plan_free(struct plan *p);
/*
 * Frees a plan of `set` that was made from `old` only to be looked at: the next one is made from
 * `old` again, at the cost of what changes.
 */
void plan_drop(struct plan *p, const struct config_set *set, struct plan *old,
	       const struct config_set *old_set);

/* Tijdeman's order for weights (already divided by their gcd), n <= 64, sum <= 10,000. */
void schedule_fill(const uint32_t *weights, size_t n, uint8_t *out);

/* Hosts in name order; the caller frees the array (not the hosts). */
struct plan_host **plan_sorted(const struct plan *p, size_t *nr);
/* "75%", "3.85%": at most two decimals. */
const char *percent_print(double share, char out[16]);
/* Which part of a plan is shown. */
struct plan_filter {
	const char *namespace; /* of the hosts' objects; NULL: all */
	bool from;		/* only what callers of `scope` (NULL: of none) see */
	const struct plan_scope *scope;
};
/* What `shunt plan` prints. */
void plan_print(const struct plan *p, const struct plan_filter *filter, FILE *out);
json_t *plan_json(const struct plan *p, const struct plan_filter *filter);
/* How many connections are open now to a destination; -1: not known. */
struct plan_live {
	int64_t (*count)(const struct plan_cluster *c, void *arg);
	void *arg;
};
/*
 * Rules, shares, limits and endpoints that differ, as lines for people; returns how many. `live`
 * may be NULL.
 */
size_t plan_diff_print(const struct plan *from, const struct plan *to, const struct plan_live *live,
		       FILE *out);
/*
 * [{"host", "port", "udp", "scopes", "rule", "destination", "what", "from", "to", "open_connections"}];
 * "from" null: came, "to" null: went.
 */
json_t *plan_diff_json(const struct plan *from, const struct plan *to,
		       const struct plan_live *live);
/* A call to be explained. */
struct plan_question {
	const char *target; /* an address, a URL, or "host[:port]", short as seen by the caller */
	const char *from;   /* who calls: "namespace/pod" or "namespace"; NULL: anyone in "default" */
	const char *gateway; /* "namespace/name" or "name": it comes in there; NULL */
	const char *method, *path; /* of a request; NULL: not given, those of the URL if it is one */
	const char *const *headers; /* "name: value" */
	size_t nr_headers;
};
/*
 * Where the call goes, with the steps of the decision (object and element that decided, what was
 * passed over): {"host": null for an address of no service, "object", "port": null or as in
 * plan_json, "request": null without one, "caller", "steps": [{"text", "object", "field", "place",
 * "outcome"}], "decision"}. -ENOENT: no service has that name, -EINVAL: no such way to ask; *why
 * says it, and the caller frees either.
 */
int plan_explain(const struct plan *p, const struct config_set *set,
		 const struct plan_question *question, json_t **out, char **why);
/*
 * The host of a name: in full, short as seen from `namespace`, or that of the ServiceEntry or
 * VirtualService called "NAME" or "NAME.NAMESPACE". NULL: none.
 */
const struct plan_host *plan_host_named(const struct plan *p, const struct config_set *set,
					const char *name, const char *namespace);
/* Lines for /etc/hosts: each host's addresses with its names, short ones as seen from `namespace`. */
void plan_hosts_print(const struct plan *p, const char *namespace, FILE *out);

#endif
