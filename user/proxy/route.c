// SPDX-License-Identifier: GPL-2.0
/* Finds the host and the rule of a request, and its destination. */
#include "proxy/route.h"
#include "proxy/act.h"
#include "proxy/attempt.h"
#include "proxy/reply.h"

static void route_set(struct client *c, const struct table_rule *rule)
{
	struct request *r = &c->request;
	const struct snapshot *s = r->view->snapshot;
	size_t at = 0;

	r->route = snapshot_route(s, r->port, rule);
	if (rule->nr_splits) {
		at = turn_take(r->route->turn, rule);
		r->split = &rule->splits[at];
		r->destination = snapshot_destination(s, r->split->cluster);
	}
	r->tally = r->route->of_split[at];
}

static bool is_domain(const struct table_port *p, struct http_text authority)
{
	for (size_t i = 0; i < p->nr_domains; i++)
		if (http_domain_match(p->domains[i], authority))
			return true;
	return false;
}

/* The table of the host that the request names, on the port that was dialled. */
static void port_find(struct client *c)
{
	struct request *r = &c->request;
	const struct lookup *l = r->view->snapshot->lookup;
	const struct table_port *dialled =
		lookup_entry(l, &c->dialled, c->port, c->listener->scope);

	r->port = lookup_port_by_host(l, c->port, c->listener->scope, c->listener->namespace,
				      r->asked.authority);
	if (!r->port && dialled &&
	    (!r->asked.authority.length || is_domain(dialled, r->asked.authority)))
		r->port = dialled;
}

/* To the address that was dialled, or nowhere. */
static void pass_unknown(struct client *c)
{
	struct request *r = &c->request;
	struct snapshot *s = r->view->snapshot;

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
	const struct table_rule *rule;

	port_find(c);
	if (!r->port) {
		pass_unknown(c);
		return;
	}
	rule = lookup_rule(r->view->snapshot->lookup, r->port, &r->asked, &r->view->regexes,
			   &r->taken);
	if (!rule) {
		r->flags |= FLAG_NR;
		r->details = "route_not_found";
		reply_text(c, 404, "");
		return;
	}
	route_set(c, rule);
	act_begin(c);
}

/* The rule for what is no http; NULL: none. */
static const struct table_rule *bytes_rule(const struct table_port *p)
{
	if (p->protocol == TABLE_TCP)
		return p->nr_rules ? &p->rules[0] : NULL;
	return p->bytes;
}

void route_bytes(struct client *c)
{
	struct request *r = &c->request;
	const struct table_rule *rule;

	r->port = lookup_entry(r->view->snapshot->lookup, &c->dialled, c->port, c->listener->scope);
	if (!r->port) {
		r->destination = &r->view->snapshot->passthrough;
		r->tally = r->view->snapshot->passed;
		attempt_begin(c);
		return;
	}
	rule = bytes_rule(r->port);
	if (rule)
		route_set(c, rule);
	if (!r->destination || *r->destination->table->unknown ||
	    r->destination->table->needs_tls) {
		r->flags |= rule ? FLAG_NC : FLAG_NR;
		client_close(c);
		return;
	}
	attempt_begin(c);
}
