/* SPDX-License-Identifier: GPL-2.0 */
/* The http rules of a VirtualService as they stand at one place, and the routes below them. */
#ifndef PLAN_RULE_H
#define PLAN_RULE_H

#include "plan/host.h"

/* Where rules are looked at from. The client of static conditions is p->caller, at a gateway the
 * gateway's workload. */
struct vantage {
	const char *gateway; /* "namespace/name"; NULL: inside the mesh */
	uint16_t port;	     /* of the service, or of the gateway's server */
};

struct rule_list {
	struct plan_rule *at; /* in the host's arena, like all that they point to */
	size_t nr;
	struct plan_route bypass; /* of the first rule without a match, nr_splits 0: none */
};
/*
 * The http rules of `vs` that can take a request there, in order, up to one that takes all. Those
 * of delegates stand in place of the ones that hand on to them. nr 0: none applies.
 */
void rules_build(struct planner *p, const struct object *vs, const struct vantage *from,
		 struct rule_list *out);
/* A rule that is for every request: no matches, or one for every path and nothing else. */
bool rule_takes_all(const struct plan_rule *rule);
/* The first condition of a match: "uri", "headers", ...; NULL: it has none. */
const char *match_condition(const struct http_match *m);
/* The static condition of a match of http that does not hold: "port", "gateways", "sourceLabels",
 * "sourceNamespace"; NULL: all hold. */
const char *match_misses(const struct planner *p, const struct route_match *m,
			 const struct vantage *from);
/* The same of tls and tcp, where the labels and the namespace count beside the gateways, and at a
 * gateway neither does. */
const char *l4_match_misses(const struct planner *p, const struct route_match *m,
			    const struct vantage *from);

/* ---- conflict.c ---- */

/* Whether no request can satisfy both matches, as far as this is told apart. */
bool matches_conflict(const struct route_match *root, const struct route_match *child);
typedef int name_order(const char *a, const char *b);
const struct named_match *named_find(const struct named_matches *list, const char *name,
				     name_order *order);

/* ---- delegate.c ---- */

/* An http route, with that of its delegate merged into it. */
struct merged_route {
	struct vs_route route; /* its matches are merged too */
	const struct object *vs, *delegate;	/* delegate NULL: none */
	const struct vs_route *root, *child;	/* the routes as written; child NULL: none */
	struct match_origin {
		const struct route_match *root, *child; /* one may be NULL */
	} *origins; /* of each match of `route`; NULL: they are all the root's, or all the child's */
};
struct merged_routes {
	VEC(struct merged_route) list;
	size_t nr_pairs; /* of matches, that were looked at */
};
/* What the i-th match of a merged route came from. */
struct match_origin match_origin(const struct merged_route *r, size_t i);
/* vec_free(&out->list) */
void delegates_merge(struct planner *p, const struct object *vs, struct merged_routes *out);

#endif
