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
#include <shunt/service.h>

enum verdict {
	VERDICT_KERNEL,
	VERDICT_PROXY,	   /* none in this version: no field that needs it is in force */
	VERDICT_UNTOUCHED, /* passes as dialled */
};

struct plan_endpoint {
	struct inet ipv4, ipv6; /* all zero: none */
	bool has_ipv4, has_ipv6;
	uint16_t port;
	uint32_t weight;
	const char *name;    /* "default/reviews-v1-0", a WorkloadEntry's, or "" */
	const char *version; /* label `version`, or "" */
};

/* A destination: host, port, subset, with its policy and its ready endpoints. */
struct plan_cluster {
	const char *host, *subset; /* subset "": none */
	uint16_t port;
	enum policy policy;
	uint32_t max_connections; /* per node; 0: no limit */
	const char *unknown;	  /* NULL, or why there is no such cluster */
	struct plan_endpoint *endpoints; /* IPv4 only, both, IPv6 only; each sorted by address, port */
	size_t nr_endpoints;
};

struct plan_split {
	uint32_t weight; /* after division by the gcd */
	struct plan_cluster *cluster;
};

struct plan_route {
	const char *name;   /* "default" for the plain service, else the route's name or path */
	const char *object; /* id of the VirtualService, or "" */
	struct plan_split *splits;
	size_t nr_splits;
	uint32_t total; /* sum of the weights */
	const uint8_t *schedule; /* `total` picks; NULL with a single destination */
};

struct plan_port {
	uint16_t port;
	const char *name; /* "" */
	enum protocol protocol;
	enum verdict verdict;
	const char *because; /* of proxy and untouched; "" */
	bool host_only;	     /* has loopback endpoints: for callers on the host alone */
	struct plan_route route;
};

struct plan_host {
	const char *host;
	const char *id; /* of the Service or ServiceEntry */
	struct inet *addresses; /* both families */
	size_t nr_addresses;
	bool allocated; /* the addresses are ours */
	struct plan_port *ports;
	size_t nr_ports;
	const struct later **laters; /* fields that concern this host and are not in force */
	const char **later_ids;	     /* the object of each */
	size_t nr_laters;
	struct diags findings; /* across objects: warnings and notices */
	VEC(struct object *) used; /* objects whose text the above points into; references held */
	struct arena *arena;
	int refs;
};

struct plan {
	uint32_t number;
	struct strmap hosts; /* host -> struct plan_host * */
	struct diags findings; /* of objects that belong to no host */
	struct plan_index *index;
};

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

/* Tijdeman's order for weights (already divided by their gcd), n <= 64, sum <= 10,000. */
void schedule_fill(const uint32_t *weights, size_t n, uint8_t *out);

/* Hosts in name order; the caller frees the array (not the hosts). */
struct plan_host **plan_sorted(const struct plan *p, size_t *nr);
/* "75%", "3.85%": at most two decimals. */
const char *percent_print(double share, char out[16]);
/* What `shunt plan` prints, for one namespace or all (NULL). */
void plan_print(const struct plan *p, const char *namespace, FILE *out);
json_t *plan_json(const struct plan *p, const char *namespace);
/* Shares, limits and endpoints that differ, as lines for people; returns how many. */
size_t plan_diff_print(const struct plan *from, const struct plan *to, FILE *out);
/* [{"host", "port", "destination", "what", "from", "to"}]; "from" null: came, "to" null: went. */
json_t *plan_diff_json(const struct plan *from, const struct plan *to);
/*
 * Which port of which host an address, a URL, or "host[:port]" with short names seen from
 * `namespace`, means, with the steps of the decision (object and element that decided, what was
 * passed over): {"host": null for an address of no service, "object", "port": null or as in
 * plan_json, "steps": [{"text", "object", "field", "place"}]}
 * -ENOENT: no service has that name, -EINVAL: no such way to write a target. The caller frees *out.
 */
int plan_explain(const struct plan *p, const struct config_set *set, const char *target,
		 const char *namespace, json_t **out);
/*
 * The host of a name: in full, short as seen from `namespace`, or that of the ServiceEntry or
 * VirtualService called "NAME" or "NAME.NAMESPACE". NULL: none.
 */
const struct plan_host *plan_host_named(const struct plan *p, const struct config_set *set,
					const char *name, const char *namespace);
/* Lines for /etc/hosts: each host's addresses with its names, short ones as seen from `namespace`. */
void plan_hosts_print(const struct plan *p, const char *namespace, FILE *out);

#endif
