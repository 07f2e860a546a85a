/* SPDX-License-Identifier: GPL-2.0 */
/* What Ingress objects come to: paths as rules, with what nginx's annotations add. */
#ifndef PLAN_INGRESS_H
#define PLAN_INGRESS_H

#include "plan/listener.h"

/* Annotations that begin with nginx.ingress.kubernetes.io/, as far as they are in force. */
struct nginx {
	const char *rewrite_target; /* NULL: none, like the other texts */
	const char *app_root;
	const char *permanent_redirect;
	bool use_regex;
	bool ssl_redirect;	 /* where the Ingress has TLS for the host */
	bool force_ssl_redirect; /* everywhere */
};
void nginx_read(const struct object *ingress, struct nginx *out);
/* Findings: those that are not in force. */
void nginx_check(struct planner *p, const struct object *ingress);
/* Paths are regular expressions that have to fit the beginning, in any case. */
bool nginx_is_regex(const struct nginx *n);
/* `path` as an expression for the whole path. */
const char *nginx_regex(struct arena *a, const char *path);
/* What becomes of the whole path of a request that `path` takes; NULL: it stays. */
const struct http_rewrite *nginx_rewrite(struct arena *a, const struct nginx *n, const char *path);
/* To a URL; NULL when it is none. */
const struct http_redirect *nginx_redirect(struct arena *a, const char *url, uint16_t code);

/* ---- ingress_rule.c ---- */

/* A path of an Ingress, where it stands. */
struct ingress_item {
	const struct object *ingress;
	const char *host;
	const struct ingress_path *path;
	const char *field; /* "spec.rules[0].http.paths[1]" */
	struct string_match uri; /* unset: a default backend, which takes everything */
	size_t number;	   /* the order before it is sorted */
};
/* What requests a path of the Ingress is for. */
struct string_match ingress_path_match(struct arena *a, const struct object *ingress,
				       const struct ingress_path *path);
/* The rule of a path or of a default backend on a port with TLS or without; false: it has none. */
bool ingress_rule_build(struct edge *e, const struct ingress_item *item, uint16_t port, bool tls,
			struct plan_rule *out);
/* The redirect of the path "/" that app-root asks for. */
void ingress_root_build(struct edge *e, const struct ingress_item *item, const char *root,
			struct plan_rule *out);

#endif
