// SPDX-License-Identifier: GPL-2.0
/* Which tcp route takes a connection, by the port, the caller and the address that is dialled. */
#include <string.h>
#include "plan/explain.h"

/* ---- branches ---- */

/* That of the longest subnet which has the address; NULL: none has. */
static const struct plan_branch *branch_of(const struct telling *t)
{
	const struct plan_branch *best = NULL;

	for (size_t i = 0; i < t->port->nr_branches && t->target.is_address; i++) {
		const struct plan_branch *b = &t->port->branches[i];

		if (inet_is_within(&t->target.address, &b->subnet.address, b->subnet.prefix) &&
		    (!best || b->subnet.prefix > best->subnet.prefix))
			best = b;
	}
	return best;
}

static void branch_tell(struct telling *t, const struct object *vs, const struct plan_branch *b,
			enum outcome outcome, const char *word)
{
	const struct place *place = &vs->place;
	char text[INET_TEXT];

	for (size_t i = 0; i < vs->virtual_service.nr_tcp; i++)
		if (!strcmp(vs->virtual_service.tcp[i].path, b->route.name))
			place = &vs->virtual_service.tcp[i].place;
	step(t, outcome, vs, b->route.name, place, "%s %s connections to %s", b->route.name, word,
	     inet_print_cidr(&b->subnet.address, b->subnet.prefix, text));
}

/* ---- routes ---- */

static bool names_port(const struct vs_route *r, uint16_t port)
{
	for (size_t i = 0; i < r->nr_matches; i++)
		if (r->matches[i].port == port)
			return true;
	return false;
}

/* Whether what holds of it is for some addresses alone. */
static bool has_subnets_alone(const struct telling *t, const struct vs_route *r)
{
	const struct vantage mesh = {.port = t->port->port};

	for (size_t i = 0; i < r->nr_matches; i++)
		if (!r->matches[i].nr_subnets &&
		    !l4_match_misses(&t->planner, &r->matches[i], &mesh))
			return false;
	return r->nr_matches;
}

/* Why the route is not for all of the port; NULL: it is, or it may be. */
static const char *missed_because(struct telling *t, const struct vs_route *r)
{
	if (t->port->protocol == PROTOCOL_UDP && !names_port(r, t->port->port))
		return arena_printf(t->scratch.arena, "no match names UDP port %u", t->port->port);
	return misses_text(t, r->matches, r->nr_matches, l4_match_misses);
}

/* The one that takes all; what comes before it is told. */
static bool is_taken(struct telling *t, const struct object *vs, const struct vs_route *r)
{
	const char *why = missed_because(t, r);

	if (!why && has_subnets_alone(t, r))
		why = t->target.is_address ? "it is for other addresses" : "it is for some addresses only";
	if (why)
		step(t, OUTCOME_PASSED_OVER, vs, r->path, &r->place, "%s is passed over: %s", r->path,
		     why);
	else
		step(t, OUTCOME_TAKEN, vs, r->path, &r->place, "%s is taken: %s", r->path,
		     r->nr_matches ? "a match holds here" : "it has no match");
	return !why;
}

static bool some_is_taken(struct telling *t, const struct object *vs)
{
	for (size_t i = 0; i < vs->virtual_service.nr_tcp; i++)
		if (is_taken(t, vs, &vs->virtual_service.tcp[i]))
			return true;
	return false;
}

void tcp_tell(struct telling *t, const struct object *vs)
{
	const struct plan_branch *b = vs ? branch_of(t) : NULL;

	if (b) {
		branch_tell(t, vs, b, OUTCOME_TAKEN, "is taken: it is for");
		split_tell(t, &b->route);
		return;
	}
	for (size_t i = 0; vs && i < t->port->nr_branches && !t->target.is_address; i++)
		branch_tell(t, vs, &t->port->branches[i], OUTCOME_NOTE, "takes");
	if (vs && some_is_taken(t, vs))
		split_tell(t, &t->port->route);
	else
		plain_tell(t, vs);
}
