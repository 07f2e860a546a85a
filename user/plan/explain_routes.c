// SPDX-License-Identifier: GPL-2.0
/* Which route takes a call, and which were passed over: http, tcp and tls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/explain.h"
#include "plan/ports.h"
#include "plan/text.h"
#include "plan/visible.h"

/* ---- the VirtualService ---- */

static const char *vs_passed_over_because(struct telling *t, const struct object *o,
					  const struct object *owner, bool same_host)
{
	struct arena *a = t->scratch.arena;

	if (!object_is_for(&t->planner, o))
		return "it is not exported to the caller's namespace";
	if (!routes_are_for(&t->planner, o))
		return "the caller's Sidecar does not import its hosts";
	if (!same_host)
		return arena_printf(a, "%s has the more specific host", owner->id);
	return arena_printf(a, "%s %s", owner->id,
			    object_order(owner, o) < 0 ? "is older" : "is for fewer namespaces");
}

/* An alias has the routes of what it stands for. */
static const char *routed_host(struct telling *t)
{
	struct planner p = t->planner;
	const char *target;

	p.owner = host_owner(&p, t->host->host);
	target = p.owner && alias_name(p.owner) ? alias_target(&p) : NULL;
	if (!target)
		return t->host->host;
	step(t, OUTCOME_APPLIES, p.owner, "spec.externalName", &p.owner->place,
	     "it stands for %s, whose routes count", target);
	return target;
}

/* Whoever else states the host, or a wildcard over it. */
static const struct object *owner_tell(struct telling *t)
{
	const struct planner *p = &t->planner;
	const char *host = routed_host(t);
	const struct bag *all = NULL, *bag;
	struct object *o, *owner = routes_owner(p, host, &all);
	size_t at = 0;

	while ((bag = index_cover(&p->index->routes, p->index->nr_wild_routes, host, &at)))
		bag_each(bag, o) if (o != owner) step(
			t, OUTCOME_PASSED_OVER, o, "spec.hosts", &o->place, "%s is passed over: %s",
			o->id, vs_passed_over_because(t, o, owner, bag == all));
	if (owner)
		step(t, OUTCOME_TAKEN, owner, "spec.hosts", &owner->place, "%s has this host",
		     owner->id);
	else
		step_note(t, OUTCOME_NOTE, "no VirtualService has this host: the plain service");
	return owner;
}

/* ---- http ---- */

bool rule_is_of(const struct plan_rule *r, const struct merged_route *m)
{
	if (strcmp(r->from.field, m->root->path) || r->delegate.object != m->delegate)
		return false;
	return !m->child || !strcmp(r->delegate.field, m->child->path);
}

#define MATCHES_NAMED 8

const char *misses_text(struct telling *t, const struct route_match *at, size_t nr,
			const char *(*misses)(const struct planner *p, const struct route_match *m,
					      const struct vantage *from))
{
	const struct vantage mesh = {.port = t->port->port};
	const char *text = "", *missed;
	size_t nr_ports = 0;

	for (size_t i = 0; i < nr; i++) {
		missed = misses(&t->planner, &at[i], &mesh);
		if (!missed)
			return NULL;
		nr_ports += !strcmp(missed, "port");
		if (i < MATCHES_NAMED)
			text = arena_printf(t->scratch.arena, "%s%smatch[%zu].%s", text,
					    i ? ", " : "", i, missed);
	}
	if (!nr)
		return NULL;
	if (nr_ports == nr)
		return arena_printf(t->scratch.arena, "no match for port %u", t->port->port);
	if (nr > MATCHES_NAMED)
		text = arena_printf(t->scratch.arena, "%s and %zu more", text, nr - MATCHES_NAMED);
	return arena_printf(t->scratch.arena, "%s %s not hold for this caller", text,
			    nr == 1 ? "does" : "do");
}

/* A route that no rule was made of. */
static void absent_tell(struct telling *t, const struct merged_route *m,
			const struct plan_rule *last)
{
	const struct vs_route *of = m->child ? m->child : m->root;
	const struct object *o = m->child ? m->delegate : m->vs;
	const char *why = misses_text(t, m->route.matches, m->route.nr_matches, match_misses);

	if (!why)
		why = last ? arena_printf(t->scratch.arena, "%s takes all before it",
					  rule_label(t, last)) :
			     "it takes nothing here";
	step(t, OUTCOME_PASSED_OVER, o, of->path, &of->place, "%s%s%s is passed over: %s", of->path,
	     m->child ? " of " : "", m->child ? o->id : "", why);
}

/* What is done with what a rule takes. */
static void rule_done(struct telling *t, const struct plan_rule *r, const struct merged_route *m,
		      const struct plan_match *taken)
{
	if (!strcmp(t->what, "requests"))
		actions_tell(t, r, m, taken);
	split_tell(t, &r->route);
}

void rule_decided(struct telling *t, const struct plan_rule *r)
{
	json_t *route = json_of_route(&r->route);

	decide(t, "rule", json_string(r->name));
	decide(t, "from", json_of_source(&r->from));
	if (r->route.nr_splits)
		decide(t, "destinations", json_incref(json_object_get(route, "destinations")));
	json_decref(route);
}

void rule_list(struct telling *t, const struct plan_rule *r)
{
	const char *all = "";

	for (size_t i = 0; i < r->nr_matches; i++) {
		char *text = match_text(&r->matches[i].http);

		all = arena_printf(t->scratch.arena, "%s%s%s", all, i ? ", or " : "", text);
		free(text);
	}
	step_at(t, OUTCOME_NOTE, &r->from, "%s takes %s", rule_label(t, r),
		r->nr_matches ? all : "every other request");
}

/* True: it takes the call, and nothing after it is looked at. */
static bool rule_walk(struct telling *t, const struct plan_rule *r, const struct merged_route *m)
{
	const struct plan_match *taken = NULL;

	if (!plan_port_walked(t->port)) {
		step_at(t, OUTCOME_TAKEN, &r->from, "%s is taken: %s", rule_label(t, r),
			m->route.nr_matches ? "a match holds here" : "it has no match");
	} else if (!t->asked && (t->port->nr_rules > 1 || r->nr_matches)) {
		rule_list(t, r);
		rule_done(t, r, m, NULL);
		return false;
	} else if (t->asked && !rule_takes(t, r, &taken)) {
		return false;
	} else if (!t->asked) {
		step_at(t, OUTCOME_TAKEN, &r->from, "%s is taken: it has no match",
			rule_label(t, r));
	}
	rule_done(t, r, m, taken);
	rule_decided(t, r);
	return true;
}

/* Delegates that could not be used have said so while they were merged. */
static void delegates_tell(struct telling *t)
{
	struct diag *d;

	vec_each(&t->scratch.findings.list, d)
		step(t, OUTCOME_PASSED_OVER, NULL, "", &d->place, "%s: %s", d->path, d->text);
}

static void http_tell(struct telling *t, const struct object *vs)
{
	const struct plan_port *port = t->port;
	const struct plan_rule *last = NULL;
	const struct merged_route *m;
	struct merged_routes routes;
	bool taken = false;
	size_t k = 0;

	delegates_merge(&t->planner, vs, &routes);
	delegates_tell(t);
	vec_each(&routes.list, m) {
		if (taken && t->asked)
			break;
		if (k < port->nr_rules && rule_is_of(&port->rules[k], m)) {
			last = &port->rules[k++];
			taken = rule_walk(t, last, m);
		} else {
			absent_tell(t, m, last && rule_takes_all(last) ? last : NULL);
		}
	}
	vec_free(&routes.list);
	if (taken || !t->asked || !plan_port_walked(port))
		return;
	step(t, OUTCOME_REFUSED, vs, "spec.http", &vs->place,
	     "no route takes the request: it is answered 404");
	decide(t, "status", json_integer(404));
}

/* ---- the plain service ---- */

void plain_tell(struct telling *t, const struct object *vs)
{
	if (vs)
		step(t, OUTCOME_NOTE, vs, "", &vs->place,
		     "no route takes port %u: the plain service", t->port->port);
	split_tell(t, &t->port->route);
}

/* ---- tls ---- */

static unsigned sni_fits(const struct telling *t, const struct plan_sni *s)
{
	unsigned best = 0;

	for (size_t i = 0; i < s->nr_hosts; i++) {
		unsigned fits = http_domain_match(s->hosts[i], t->request.authority);

		best = fits > best ? fits : best;
	}
	return best;
}

void sni_tell(struct telling *t, const struct plan_sni *s, enum outcome outcome, const char *word)
{
	const char *names = "";

	for (size_t i = 0; i < s->nr_hosts; i++)
		names = arena_printf(t->scratch.arena, "%s%s%s", names, i ? " or " : "",
				     s->hosts[i]);
	step_at(t, outcome, &s->from, "%s %s the server name %s", s->from.field, word, names);
	if (outcome != OUTCOME_PASSED_OVER)
		split_tell(t, &s->route);
}

const struct plan_sni *sni_asked(const struct telling *t, const struct plan_sni *snis, size_t nr)
{
	const struct plan_sni *best = NULL;

	for (size_t i = 0; i < nr && t->asked; i++)
		if (sni_fits(t, &snis[i]) > (best ? sni_fits(t, best) : 0))
			best = &snis[i];
	return best;
}

static void tls_tell(struct telling *t)
{
	const struct plan_port *port = t->port;
	const struct plan_sni *best = sni_asked(t, port->snis, port->nr_snis);

	for (size_t i = 0; i < port->nr_snis && best != &port->snis[i]; i++)
		sni_tell(t, &port->snis[i], t->asked ? OUTCOME_PASSED_OVER : OUTCOME_NOTE,
			 t->asked ? "is passed over: it wants" : "takes");
	if (best) {
		sni_tell(t, best, OUTCOME_TAKEN, "is taken: it has");
	} else {
		step_note(t, t->asked ? OUTCOME_TAKEN : OUTCOME_NOTE,
			  "every other server name goes to the plain service");
		split_tell(t, &port->route);
	}
}

void routes_tell(struct telling *t)
{
	const struct plan_port *port = t->port;
	const struct object *vs = owner_tell(t);

	if (protocol_is_http(port->protocol) || port->nr_rules) {
		if (vs && port->nr_rules && port->rules[0].from.object)
			http_tell(t, vs);
		else if (port->nr_rules)
			rule_done(t, &port->rules[0], NULL, NULL);
		else
			plain_tell(t, vs);
	} else if (port->nr_snis) {
		tls_tell(t);
	} else if (protocol_is_tls(port->protocol)) {
		plain_tell(t, vs);
	} else {
		tcp_tell(t, vs);
	}
}
