// SPDX-License-Identifier: GPL-2.0
/* The http rules of a VirtualService at one place: what cannot apply there is left out. */
#include <stdio.h>
#include <string.h>
#include "plan/rule.h"

/* ---- static conditions ---- */

static bool gateways_miss(const struct route_match *m, const struct vantage *from)
{
	for (size_t i = 0; i < m->nr_gateways; i++)
		if (!strcmp(m->gateways[i], from->gateway ? from->gateway : "mesh"))
			return false;
	return m->nr_gateways;
}

static const char *client_misses(const struct planner *p, const struct route_match *m)
{
	if (!labels_contain(caller_labels(p), &m->source_labels))
		return "sourceLabels";
	if (*m->source_namespace && strcmp(m->source_namespace, caller_namespace(p)))
		return "sourceNamespace";
	return NULL;
}

const char *match_misses(const struct planner *p, const struct route_match *m,
			 const struct vantage *from)
{
	if (m->port && m->port != from->port)
		return "port";
	if (m->nr_gateways)
		return gateways_miss(m, from) ? "gateways" : NULL;
	return client_misses(p, m);
}

const char *l4_match_misses(const struct planner *p, const struct route_match *m,
			    const struct vantage *from)
{
	if (m->port && m->port != from->port)
		return "port";
	if (gateways_miss(m, from))
		return "gateways";
	return from->gateway ? NULL : client_misses(p, m);
}

/* ---- conditions of the request ---- */

const char *match_condition(const struct http_match *m)
{
	if (m->uri.how != MATCH_UNSET)
		return "uri";
	if (m->scheme.how != MATCH_UNSET)
		return "scheme";
	if (m->method.how != MATCH_UNSET)
		return "method";
	if (m->authority.how != MATCH_UNSET)
		return "authority";
	if (m->headers.nr)
		return "headers";
	if (m->without_headers.nr)
		return "withoutHeaders";
	return m->query.nr ? "queryParams" : NULL;
}

/* The path is all it asks for, and every path fits. */
static bool match_takes_all(const struct http_match *m)
{
	struct http_match rest = *m;

	rest.uri.how = MATCH_UNSET;
	if (match_condition(&rest))
		return false;
	return m->uri.how == MATCH_UNSET ||
	       (m->uri.how == MATCH_PREFIX && !strcmp(m->uri.text, "/")) ||
	       (m->uri.how == MATCH_REGEX && !strcmp(m->uri.text, ".*"));
}

bool rule_takes_all(const struct plan_rule *rule)
{
	return !rule->nr_matches || match_takes_all(&rule->matches[rule->nr_matches - 1].http);
}

static struct plan_source match_source(struct arena *a, const struct merged_route *r, size_t i,
				       bool of_child, const char *condition)
{
	const struct vs_route *of = of_child ? r->child : r->root;
	const struct match_origin origin = match_origin(r, i);
	const struct route_match *m = of_child ? origin.child : origin.root;

	return (struct plan_source){
		.object = of_child ? r->delegate : r->vs,
		.field = arena_printf(a, "%s.match[%zu]%s%s", of->path,
				      (size_t)(m - of->matches), *condition ? "." : "", condition),
		.place = m->place,
	};
}

/* The first condition of a match, with the delegate's own before those that it has of the root. */
static struct plan_source condition_source(struct arena *a, const struct merged_route *r, size_t i)
{
	const struct match_origin origin = match_origin(r, i);
	const char *own = origin.child ? match_condition(&origin.child->http) : NULL;

	return match_source(a, r, i, own, own ? own : match_condition(&origin.root->http));
}

/*
 * Sets the matches that can hold, up to one that always does; a rule that has one without a
 * condition has no matches. False: none can hold.
 */
static bool matches_set(struct planner *p, const struct merged_route *r,
			const struct vantage *from, struct plan_rule *out)
{
	const struct vs_route *route = &r->route;
	struct arena *a = p->host->arena;
	VEC(struct plan_match) held = {0};
	bool always = !route->nr_matches;
	size_t size;

	for (size_t i = 0; !always && i < route->nr_matches; i++) {
		const struct http_match *http = &route->matches[i].http;

		if (match_misses(p, &route->matches[i], from))
			continue;
		always = !match_condition(http);
		if (always || (held.nr && match_takes_all(&held.at[held.nr - 1].http)))
			continue;
		if (!held.nr)
			out->because = condition_source(a, r, i);
		vec_push(&held, ((struct plan_match){
			*http, match_source(a, r, i, match_origin(r, i).child, "")}));
	}
	out->nr_matches = always ? 0 : held.nr;
	if (out->nr_matches) {
		size = out->nr_matches * sizeof(*held.at);
		out->matches = memcpy(arena_alloc(a, size), held.at, size);
	}
	vec_free(&held);
	return always || out->nr_matches;
}

/* ---- actions ---- */

static const struct action {
	const char *name; /* NULL: the value of the member says it */
	size_t at, size;
} actions[] = {
#define ACTION(name_, member)                                                                      \
	{name_, offsetof(struct vs_route, member), sizeof(((struct vs_route *)0)->member)}
	ACTION("redirect", redirect),	 ACTION("directResponse", direct_response),
	ACTION("rewrite", rewrite),	 ACTION("headers", headers),
	ACTION("corsPolicy", cors),	 ACTION(NULL, mirror_field),
	ACTION("fault", fault),		 ACTION("timeout", timeout),
	ACTION("retries", retries),
#undef ACTION
};

/* Pointers, times and flags alike: what was not given is all zero. */
static bool is_given(const struct vs_route *route, const struct action *action)
{
	const char zero[sizeof(int64_t)] = {0};

	return memcmp((const char *)route + action->at, zero, action->size);
}

static const struct action *first_action(const struct vs_route *route)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (actions[i].at == offsetof(struct vs_route, retries) &&
		    (!route->retries || !route->retries->attempts))
			continue; /* to retry never is what the kernel does */
		if (is_given(route, &actions[i]))
			return &actions[i];
	}
	return NULL;
}

static struct plan_source action_source(struct arena *a, const struct merged_route *r,
					const struct action *action)
{
	bool own = r->child && is_given(r->child, action);
	const struct vs_route *of = own ? r->child : r->root;

	return (struct plan_source){
		.object = own ? r->delegate : r->vs,
		.field = arena_printf(a, "%s.%s", of->path,
				      action->name ? action->name : r->route.mirror_field),
		.place = of->place,
	};
}

/* Whose destinations they are: a delegate has its own, a root that has one has none. */
static const struct object *destinations_object(const struct merged_route *r)
{
	return r->child ? r->delegate : r->vs;
}

static bool destinations_because(struct planner *p, const struct merged_route *r,
				 const struct plan_rule *rule, struct plan_source *out)
{
	for (size_t i = 0; i < rule->route.nr_splits; i++) {
		const struct destination *d = &r->route.destinations[i];

		if (!d->headers)
			continue;
		out->object = destinations_object(r);
		out->field = arena_printf(p->host->arena, "%s.route[%u].headers", r->route.path,
					  d->index);
		out->place = d->place;
		return true;
	}
	for (size_t i = 0; i < rule->route.nr_splits; i++)
		if (policy_because(p, &rule->route.splits[i].cluster->full, LAYER_HTTP, out))
			return true;
	return false;
}

/* Of a rule that every request takes: one with conditions has said already what it needs. */
static void because_set(struct planner *p, const struct merged_route *r, struct plan_rule *rule)
{
	const struct action *action = first_action(&r->route);

	rule->because = (struct plan_source){.field = ""};
	if (action)
		rule->because = action_source(p->host->arena, r, action);
	else
		destinations_because(p, r, rule, &rule->because);
}

static void mirrors_set(struct planner *p, const struct merged_route *r,
			const struct vantage *from, struct plan_rule *out)
{
	const struct reach reach = {
		.layer = LAYER_HTTP, .listener = from->port, .routed = true, .alone = true};
	const struct vs_route *route = &r->route;

	out->nr_mirrors = route->nr_mirrors;
	out->mirrors = arena_alloc(p->host->arena, out->nr_mirrors * sizeof(out->mirrors[0]));
	for (size_t i = 0; i < out->nr_mirrors; i++) {
		const struct destination *d = &route->mirrors[i].destination;
		bool own = r->child && r->child->mirror_field;
		char field[96];

		out->mirrors[i].cluster = cluster_build(p, d, &reach);
		out->mirrors[i].millionths = route->mirrors[i].millionths;
		if (!out->mirrors[i].cluster->unknown)
			continue;
		snprintf(field, sizeof(field), "%s.%s", own ? r->child->path : r->root->path,
			 route->mirror_field);
		host_find(p, DIAG_WARNING, &d->place, own ? r->delegate : r->vs, field,
			  "%s; its copies are dropped", out->mirrors[i].cluster->unknown);
	}
}

static void actions_set(const struct vs_route *route, struct plan_rule *out)
{
	out->redirect = route->redirect;
	out->direct_response = route->direct_response;
	out->rewrite = route->rewrite;
	out->fault = route->fault;
	out->retries = route->retries;
	out->cors = route->cors;
	out->headers = route->headers;
	out->timeout = route->timeout;
}

/* ---- the list ---- */

static void rule_fill(struct planner *p, const struct merged_route *r, const struct vantage *from,
		      struct plan_rule *out)
{
	const struct reach reach = {.layer = LAYER_HTTP, .listener = from->port};

	out->name = *r->route.name ? r->route.name : r->root->path;
	out->from = (struct plan_source){r->vs, r->root->path, r->root->place};
	out->delegate.field = "";
	if (r->child)
		out->delegate = (struct plan_source){r->delegate, r->child->path, r->child->place};
	actions_set(&r->route, out);
	if (!out->redirect && !out->direct_response)
		split_build(p, &out->route, destinations_object(r), &r->route, &reach);
	out->route.name = out->name;
	out->route.object = r->vs->id;
	if (r->route.nr_mirrors)
		mirrors_set(p, r, from, out);
	if (!out->nr_matches)
		because_set(p, r, out);
}

/* How many there can be: of many routes each may be for a few callers. */
static size_t nr_rules(const struct planner *p, const struct merged_routes *routes,
		       const struct vantage *from)
{
	const struct merged_route *r;
	size_t nr = 0;

	vec_each(&routes->list, r) {
		size_t i = 0;

		while (i < r->route.nr_matches && match_misses(p, &r->route.matches[i], from))
			i++;
		nr += !r->route.nr_matches || i < r->route.nr_matches;
	}
	return nr;
}

void rules_build(struct planner *p, const struct object *vs, const struct vantage *from,
		 struct rule_list *out)
{
	struct merged_routes routes;
	const struct merged_route *r;
	bool ended = false, bypassed = false;

	memset(out, 0, sizeof(*out));
	delegates_merge(p, vs, &routes);
	out->at = arena_alloc(p->host->arena, nr_rules(p, &routes, from) * sizeof(out->at[0]));
	vec_each(&routes.list, r) {
		struct plan_rule rule = {0};
		bool bypass;

		if (!matches_set(p, r, from, &rule))
			continue;
		bypass = !bypassed && !rule.nr_matches;
		if (ended && !bypass)
			continue;
		rule_fill(p, r, from, &rule);
		if (bypass)
			out->bypass = rule.route;
		bypassed = bypassed || bypass;
		if (!ended)
			out->at[out->nr++] = rule;
		ended = ended || rule_takes_all(&rule);
	}
	vec_free(&routes.list);
}
