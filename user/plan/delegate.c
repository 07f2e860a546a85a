// SPDX-License-Identifier: GPL-2.0
/* Delegates: their http routes stand in place of the route that hands on to them. */
#include <string.h>
#include <strings.h>
#include "plan/rule.h"

/* ---- merging ---- */

static const char *name_merge(struct arena *a, const char *root, const char *child)
{
	if (!*root || !*child)
		return *child ? child : root;
	return arena_printf(a, "%s-%s", root, child);
}

static void value_merge(const struct string_match *root, struct string_match *out)
{
	if (out->how == MATCH_UNSET)
		*out = *root;
}

/* All of the child's, then those of the root that it does not name. */
static void named_merge(struct arena *a, const struct named_matches *root,
			struct named_matches *out, name_order *order)
{
	const struct named_matches child = *out;

	if (!root->nr)
		return;
	out->at = arena_alloc(a, (root->nr + child.nr) * sizeof(*out->at));
	for (size_t i = 0; i < child.nr; i++)
		out->at[i] = child.at[i];
	for (size_t i = 0; i < root->nr; i++)
		if (!named_find(&child, root->at[i].name, order))
			out->at[out->nr++] = root->at[i];
}

static struct route_match match_merge(struct arena *a, const struct route_match *root,
				      const struct route_match *child)
{
	struct route_match out = *child;
	struct http_match *http = &out.http;

	http->name = name_merge(a, root->http.name, child->http.name);
	if (!*http->stat_prefix)
		http->stat_prefix = root->http.stat_prefix;
	value_merge(&root->http.uri, &http->uri);
	value_merge(&root->http.scheme, &http->scheme);
	value_merge(&root->http.method, &http->method);
	value_merge(&root->http.authority, &http->authority);
	named_merge(a, &root->http.headers, &http->headers, strcasecmp);
	named_merge(a, &root->http.without_headers, &http->without_headers, strcasecmp);
	named_merge(a, &root->http.query, &http->query, strcmp);
	labels_merge(a, &child->source_labels, &root->source_labels, &out.source_labels);
	if (!out.port)
		out.port = root->port;
	if (!*out.source_namespace)
		out.source_namespace = root->source_namespace;
	if (!out.nr_gateways) {
		out.gateways = root->gateways;
		out.nr_gateways = root->nr_gateways;
	}
	return out;
}

static void match_add(struct merged_route *m, const struct route_match *match,
		      const struct route_match *root, const struct route_match *child)
{
	struct route_match *at = &m->route.matches[m->route.nr_matches];

	*at = *match;
	m->origins[m->route.nr_matches++] = (struct match_origin){.root = root, .child = child};
}

struct match_origin match_origin(const struct merged_route *r, size_t i)
{
	if (r->origins)
		return r->origins[i];
	if (r->child && r->child->nr_matches)
		return (struct match_origin){.child = &r->child->matches[i]};
	return (struct match_origin){.root = &r->root->matches[i]};
}

static size_t pairs_count(const struct merged_route *m)
{
	size_t nr = 0;

	for (size_t i = 0; i < m->child->nr_matches; i++)
		for (size_t j = 0; j < m->root->nr_matches; j++)
			nr += !matches_conflict(&m->root->matches[j], &m->child->matches[i]);
	return nr;
}

/* The pairs that do not conflict, by the child's order; false: one of the child fits none. */
static bool pairs_merge(struct arena *a, struct merged_route *m)
{
	const struct vs_route *root = m->root, *child = m->child;
	size_t nr = pairs_count(m);

	m->route.nr_matches = 0;
	m->route.matches = arena_alloc(a, nr * sizeof(m->route.matches[0]));
	m->origins = arena_alloc(a, nr * sizeof(m->origins[0]));
	for (size_t i = 0; i < child->nr_matches; i++) {
		size_t before = m->route.nr_matches;

		for (size_t j = 0; j < root->nr_matches; j++) {
			struct route_match match;

			if (matches_conflict(&root->matches[j], &child->matches[i]))
				continue;
			match = match_merge(a, &root->matches[j], &child->matches[i]);
			match_add(m, &match, &root->matches[j], &child->matches[i]);
		}
		if (m->route.nr_matches == before)
			return false;
	}
	return true;
}

/* The root's, the child's, or the pairs of both; false: the child's route can take nothing. */
static bool matches_merge(struct arena *a, struct merged_route *m)
{
	if (m->root->nr_matches && m->child->nr_matches)
		return pairs_merge(a, m);
	if (!m->child->nr_matches) {
		m->route.matches = m->root->matches;
		m->route.nr_matches = m->root->nr_matches;
	}
	return true;
}

/* Each action is the child's, or else the root's as a whole. */
static void actions_merge(const struct vs_route *root, struct vs_route *out)
{
	if (!out->direct_response)
		out->direct_response = root->direct_response;
	if (!out->rewrite)
		out->rewrite = root->rewrite;
	if (!out->fault)
		out->fault = root->fault;
	if (!out->retries)
		out->retries = root->retries;
	if (!out->cors)
		out->cors = root->cors;
	if (!out->headers)
		out->headers = root->headers;
	if (!out->timeout)
		out->timeout = root->timeout;
}

/* The share stands beside `mirror` in both, so that each may come from another one. */
static void mirrors_merge(struct arena *a, const struct vs_route *root, struct vs_route *out)
{
	struct http_mirror *copy;

	if (!out->mirror_share)
		out->mirror_share = root->mirror_share;
	if (!out->mirror_field) {
		out->mirror_field = root->mirror_field;
		out->mirrors = root->mirrors;
		out->nr_mirrors = root->nr_mirrors;
	}
	if (!out->mirror_share || !out->mirror_field || strcmp(out->mirror_field, "mirror"))
		return;
	copy = arena_alloc(a, out->nr_mirrors * sizeof(*copy));
	memcpy(copy, out->mirrors, out->nr_mirrors * sizeof(*copy));
	copy->millionths = *out->mirror_share;
	out->mirrors = copy;
}

/* ---- finding them ---- */

/* NULL, which is a finding, when there is none that the root may use. */
static struct object *delegate_find(struct planner *p, const struct object *vs,
				    const struct vs_route *root)
{
	const struct vs_delegate *d = root->delegate;
	const char *namespace = *d->namespace ? d->namespace : vs->namespace, *why = NULL;
	struct object *o = config_set_get(p->set, KIND_VIRTUAL_SERVICE, namespace, d->name);
	char field[96];

	if (!o)
		why = "there is no such VirtualService";
	else if (o->virtual_service.nr_hosts)
		why = "it has hosts, so it is no delegate";
	else if (!object_is_visible(o, vs->namespace))
		why = "its exportTo does not name the namespace of the root";
	if (!why) {
		host_use(p, o);
		return o;
	}
	snprintf(field, sizeof(field), "%s.delegate", root->path);
	host_find(p, DIAG_WARNING, &d->place, vs, field,
		  "%s/%s: %s; this route is passed over", namespace, d->name, why);
	return NULL;
}

/*
 * Each match of a root meets each of its delegate, so that two objects of common size could come to
 * millions, in every host that the root is for.
 */
#define PAIRS_MOST 16384

static bool is_past_bound(struct planner *p, const struct merged_route *m,
			  struct merged_routes *out)
{
	size_t nr = m->root->nr_matches * m->child->nr_matches;

	if (nr <= PAIRS_MOST - out->nr_pairs) {
		out->nr_pairs += nr;
		return false;
	}
	host_find(p, DIAG_WARNING, &m->root->place, m->vs, m->root->path,
		  "its %zu matches, each with the %zu of %s %s, take the delegates of %s past "
		  "%u matches; that route is passed over",
		  m->root->nr_matches, m->child->nr_matches, m->delegate->id, m->child->path,
		  m->vs->id, PAIRS_MOST);
	return true;
}

static void delegate_merge(struct planner *p, const struct object *vs,
			   const struct vs_route *root, struct merged_routes *out)
{
	const struct object *delegate = delegate_find(p, vs, root);
	const struct virtual_service *d = delegate ? &delegate->virtual_service : NULL;

	for (size_t i = 0; d && i < d->nr_http; i++) {
		struct merged_route m = {.route = d->http[i], .vs = vs, .delegate = delegate,
					 .root = root, .child = &d->http[i]};

		if (is_past_bound(p, &m, out))
			continue;
		if (!matches_merge(p->host->arena, &m)) {
			host_find(p, DIAG_WARNING, &m.child->place, delegate, m.child->path,
				  "a match conflicts with every match of %s %s; this route is "
				  "passed over there", vs->id, root->path);
			continue;
		}
		m.route.name = name_merge(p->host->arena, root->name, m.child->name);
		actions_merge(root, &m.route);
		mirrors_merge(p->host->arena, root, &m.route);
		vec_push(&out->list, m);
	}
}

void delegates_merge(struct planner *p, const struct object *vs, struct merged_routes *out)
{
	const struct virtual_service *v = &vs->virtual_service;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < v->nr_http; i++) {
		struct merged_route m = {.route = v->http[i], .vs = vs, .root = &v->http[i]};

		if (v->http[i].delegate) {
			delegate_merge(p, vs, &v->http[i], out);
			continue;
		}
		vec_push(&out->list, m);
	}
}
