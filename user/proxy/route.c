// SPDX-License-Identifier: GPL-2.0
/* Finds the host and the rule of a request, and its destination. */
#include "proxy/route.h"
#include <stdio.h>
#include "proxy/act.h"
#include "proxy/attempt.h"
#include "proxy/reply.h"

static void route_set(struct client *c, const struct route *route)
{
	struct request *r = &c->request;
	const struct table_rule *rule = route->rule;
	size_t at = 0;

	r->route = route;
	if (rule->nr_splits) {
		at = turn_take(route->turn, rule);
		r->split = &rule->splits[at];
		r->destination = route_destination(route, r->split->cluster);
	}
	r->tally = route->of_split[at];
}

static bool is_domain(const struct table_port *p, struct http_text authority)
{
	for (size_t i = 0; i < p->nr_domains; i++)
		if (http_domain_match(p->domains[i], authority))
			return true;
	return false;
}

/* The port of the host that the request names, else the one that was dialled if that is meant. */
static void port_find(struct client *c)
{
	struct request *r = &c->request;
	const struct lookup *l = r->view->snapshot->lookup;
	const struct port *dialled;

	r->port = lookup_port_by_host(l, c->port, c->listener->scope, c->listener->namespace,
				      r->asked.authority);
	if (r->port)
		return;
	dialled = lookup_entry(l, &c->dialled, c->port, c->listener->scope);
	if (dialled &&
	    (!r->asked.authority.length || is_domain(dialled->table, r->asked.authority)))
		r->port = dialled;
}

/* To the address that was dialled, or nowhere. */
static void pass_unknown(struct client *c)
{
	struct request *r = &c->request;
	struct snapshot *s = r->view->snapshot;

	r->unknown = true;
	if (lookup_refuses_unknown(s->lookup, c->listener->scope)) {
		r->details = "direct_response";
		reply_text(c, 502, "");
		return;
	}
	r->destination = &s->passthrough;
	r->tally = s->passed;
	attempt_begin(c);
}

void route_request(struct client *c)
{
	struct request *r = &c->request;
	const struct route *route, *limited;

	port_find(c);
	if (!r->port) {
		pass_unknown(c);
		return;
	}
	route = port_route(r->port, &r->asked, &r->view->regexes, &r->taken, &limited);
	if (limited)
		tally_regex_limit(limited->of_split[0], c->worker->index);
	if (!route) {
		r->flags |= FLAG_NR;
		r->details = "route_not_found";
		reply_text(c, 404, "");
		return;
	}
	route_set(c, route);
	act_begin(c);
}

void route_bytes(struct client *c)
{
	struct request *r = &c->request;
	const struct route *route;

	r->port = lookup_entry(r->view->snapshot->lookup, &c->dialled, c->port, c->listener->scope);
	if (!r->port) {
		r->destination = &r->view->snapshot->passthrough;
		r->tally = r->view->snapshot->passed;
		attempt_begin(c);
		return;
	}
	route = r->port->bytes;
	if (route)
		route_set(c, route);
	if (!r->destination || *r->destination->table->unknown ||
	    r->destination->table->needs_tls) {
		r->flags |= route ? FLAG_NC : FLAG_NR;
		client_close(c);
		return;
	}
	attempt_begin(c);
}
