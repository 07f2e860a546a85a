// SPDX-License-Identifier: GPL-2.0
/* What becomes of connections to a port, and of those to what is no port of the caller's. */
#include <stdlib.h>
#include <string.h>
#include "plan/explain.h"
#include "plan/text.h"

void nobodys_tell(struct telling *t, const char *what)
{
	const struct plan_scope *s = t->planner.caller;

	if (s && s->registry_only)
		step(t, OUTCOME_REFUSED, s->sidecar, "spec.outboundTrafficPolicy",
		     &s->sidecar->place, "%s is refused: %s lets the caller reach known hosts only",
		     what, s->sidecar->id);
	else
		step_note(t, OUTCOME_NOTE, "%s passes untouched", what);
	decide(t, "verdict", json_string(s && s->registry_only ? "refused" : "untouched"));
}

void hidden_tell(struct telling *t, const struct object *owner)
{
	const struct plan_scope *s = t->planner.caller;

	if (owner && !object_is_visible(owner, caller_namespace(&t->planner)))
		step(t, OUTCOME_PASSED_OVER, owner, "spec.exportTo", &owner->export_to.place,
		     "%s is passed over: it is not exported to the caller's namespace", owner->id);
	else
		step(t, OUTCOME_PASSED_OVER, s ? s->sidecar : NULL, "spec.egress",
		     s && s->sidecar ? &s->sidecar->place : NULL, "%s is passed over: %s",
		     t->host->id,
		     s && s->sidecar ? "the caller's Sidecar does not import it" :
				       "it is not for this caller");
	nobodys_tell(t, "the connection");
}

void bypass_tell(struct telling *t)
{
	const struct plan_port *port = t->port;
	char *when = plan_port_proxied(port)
			     ? xstrdup("while the proxy is away")
			     : xasprintf("the proxy does no %s yet",
					 protocol_name(port->protocol));

	t->what = "connections";
	if (port->on_failure == FAILURE_REFUSE || !port->route.nr_splits)
		step_note(t, plan_port_proxied(port) ? OUTCOME_NOTE : OUTCOME_REFUSED,
			  "%s: connections are refused%s%s", when,
			  *port->refuse_because ? ", " : "", port->refuse_because);
	else
		step_note(t, OUTCOME_NOTE, "%s: connections take the bypass, route %s%s%s", when,
			  port->route.object, *port->route.object ? " " : "", port->route.name);
	free(when);
}

/* What passes as dialled is known by the addresses that its object states, or by those of its
 * servers; false: there are none. */
static bool is_known_by_address(const struct telling *t)
{
	const struct object *owner = host_owner(&t->planner, t->host->host);
	size_t nr = 0, nr_subnets = 0;

	if (owner) {
		owner_addresses(owner, &nr);
		owner_subnets(owner, &nr_subnets);
	}
	return nr || nr_subnets || t->host->nr_addresses || t->port->nr_passes;
}

static void untouched_tell(struct telling *t)
{
	const struct plan_scope *s = t->planner.caller;

	if (s && s->registry_only && !is_known_by_address(t))
		nobodys_tell(t, arena_printf(t->scratch.arena,
					     "%s has no address of its own (%s): the connection",
					     t->host->host, t->port->because));
	else
		step_note(t, OUTCOME_NOTE, "connections pass as dialled: %s", t->port->because);
}

void verdict_decide(struct telling *t)
{
	decide(t, "verdict", json_string(verdict_name(t->port->verdict)));
	decide(t, "because", json_string(t->port->because));
}

/* What keys of shunt.io/ and the Service say of its connections. */
static void wishes_tell(struct telling *t)
{
	const struct plan_port *port = t->port;
	char drain[32];

	if (port->drain.how != DRAIN_KEEP)
		step_at(t, OUTCOME_APPLIES, &port->drain.from,
			"live connections to what goes are moved, %s%s by %s",
			port->drain.how == DRAIN_WITHIN ? "within " : "",
			drain_print(&port->drain, drain), port->drain.from.field);
	if (port->guard.percent)
		step_at(t, OUTCOME_APPLIES, &port->guard.from,
			"a destination is left out when more than %u%% of %u connects to it fail, by "
			"%s", port->guard.percent, port->guard.window, port->guard.from.field);
	if (port->splice)
		step_note(t, OUTCOME_APPLIES, "two ends on the node are joined: shunt.io/splice is on");
	if (port->node_port)
		step_note(t, OUTCOME_NOTE, "from outside it is node port %u%s", port->node_port,
			  t->host->outside_local ? ", for endpoints on the node alone" : "");
}

void port_tell(struct telling *t)
{
	const struct plan_port *port = t->port;
	bool proxy = port->verdict == VERDICT_PROXY;

	t->listener.port = port->port;
	verdict_decide(t);
	if (port->verdict == VERDICT_UNTOUCHED)
		untouched_tell(t);
	if (proxy)
		step_at(t, OUTCOME_NOTE, &port->because_from,
			"port %u is for the proxy because of %s", port->port, port->because);
	else if (t->asked && port->verdict == VERDICT_KERNEL)
		step_note(t, OUTCOME_NOTE,
			  "the path and the headers do not count: the kernel steers "
			  "each connection by its address and port");
	t->what = proxy && !port->nr_snis ? "requests" : "connections";
	if (proxy || port->route.nr_splits)
		routes_tell(t);
	if (proxy)
		bypass_tell(t);
	wishes_tell(t);
	if (port->host_only)
		step_note(t, OUTCOME_NOTE, "from the host only: it has loopback endpoints");
}
