// SPDX-License-Identifier: GPL-2.0
/* Why a call goes where it goes: the steps of the decision, taken again and told. */
#include "plan/explain.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/named.h"
#include "plan/visible.h"

/* ---- steps ---- */

static void step_put(struct telling *t, enum outcome outcome, const struct plan_source *from,
		     const char *format, va_list args)
{
	static const char *const outcomes[] = {[OUTCOME_NOTE] = "note",
					       [OUTCOME_TAKEN] = "taken",
					       [OUTCOME_PASSED_OVER] = "passed_over",
					       [OUTCOME_APPLIES] = "applies",
					       [OUTCOME_REFUSED] = "refused"};
	bool placed = from->place.file && from->place.line;
	char *text = xvasprintf(format, args);

	json_array_append_new(t->steps,
			      json_pack("{s:s, s:s, s:s, s:o, s:s}", "text", text, "object",
					from->object ? from->object->id : "", "field", from->field,
					"place", placed ? json_of_place(&from->place) : json_null(),
					"outcome", outcomes[outcome]));
	free(text);
}

void step(struct telling *t, enum outcome outcome, const struct object *o, const char *field,
	  const struct place *place, const char *format, ...)
{
	struct plan_source from = {.object = o, .field = field};
	va_list args;

	if (place)
		from.place = *place;
	va_start(args, format);
	step_put(t, outcome, &from, format, args);
	va_end(args);
}

void step_at(struct telling *t, enum outcome outcome, const struct plan_source *from,
	     const char *format, ...)
{
	struct plan_source at = *from;
	va_list args;

	if (!at.field)
		at.field = "";
	va_start(args, format);
	step_put(t, outcome, &at, format, args);
	va_end(args);
}

void step_note(struct telling *t, enum outcome outcome, const char *format, ...)
{
	const struct plan_source none = {.field = ""};
	va_list args;

	va_start(args, format);
	step_put(t, outcome, &none, format, args);
	va_end(args);
}

void decide(struct telling *t, const char *key, json_t *value)
{
	json_object_set_new(t->decision, key, value);
}

/* ---- the port ---- */

/* What becomes of connections to what is no host or port of the caller's. */
static void unknown_tell(struct telling *t, const char *what)
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

static void hidden_tell(struct telling *t, const struct object *owner)
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
	unknown_tell(t, "the connection");
}

/* What the kernel does with what the proxy should take, and cannot. */
static void bypass_tell(struct telling *t)
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
	size_t nr = 0;

	if (owner)
		owner_addresses(owner, &nr);
	return nr || t->host->nr_addresses || t->port->nr_passes;
}

static void untouched_tell(struct telling *t)
{
	const struct plan_scope *s = t->planner.caller;

	if (s && s->registry_only && !is_known_by_address(t))
		unknown_tell(t, arena_printf(t->scratch.arena,
					     "%s has no address of its own (%s): the connection",
					     t->host->host, t->port->because));
	else
		step_note(t, OUTCOME_NOTE, "connections pass as dialled: %s", t->port->because);
}

static void verdict_decide(struct telling *t)
{
	decide(t, "verdict", json_string(verdict_name(t->port->verdict)));
	decide(t, "because", json_string(t->port->because));
}

static void port_tell(struct telling *t)
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
	if (port->host_only)
		step_note(t, OUTCOME_NOTE, "from the host only: it has loopback endpoints");
}

/* ---- the host ---- */

static const struct plan_port *port_of(const struct telling *t, const struct plan_host *h,
				       unsigned number, bool *visible)
{
	const struct plan_port *ports;
	size_t nr;

	*visible = plan_view_of(h, t->planner.caller, &ports, &nr);
	for (size_t i = 0; i < nr; i++)
		if (!number || ports[i].port == number)
			return &ports[i];
	return NULL;
}

/* On the proxy the authority names the host, whatever was dialled; NULL: none of that port. */
static const struct plan_host *host_asked(struct telling *t)
{
	const struct plan_host *found = NULL;
	struct strmap_entry *e;
	unsigned best = 0;
	bool visible;

	strmap_each(&t->plan->hosts, e) {
		const struct plan_host *h = e->value;
		const struct plan_port *port = port_of(t, h, t->port->port, &visible);
		unsigned answers = port && port->nr_rules ? host_answers(t, h) : 0;

		if (answers <= best)
			continue;
		best = answers;
		found = h;
	}
	return found;
}

/* The routes of a host that is known by name, of a request on a connection to another one. */
static void by_name_tell(struct telling *t, const struct plan_port *dialled)
{
	t->what = "requests";
	t->listener.port = t->port->port;
	routes_tell(t);
	t->port = dialled;
	verdict_decide(t);
	bypass_tell(t);
}

/* False: the authority is of no host, or of none that is dialled, and all is told. */
static bool authority_tell(struct telling *t)
{
	const struct plan_host *h = host_asked(t);
	const struct plan_port *dialled = t->port;
	struct http_text a = t->request.authority;
	bool visible, refused = t->planner.caller && t->planner.caller->registry_only;

	if (!h) {
		step_note(t, refused ? OUTCOME_REFUSED : OUTCOME_NOTE,
			  "no host answers to %.*s on port %u: the request %s", (int)a.length, a.at,
			  t->port->port, refused ? "is answered 502" : "goes where it was dialled");
		if (refused)
			decide(t, "status", json_integer(502));
		verdict_decide(t);
		bypass_tell(t);
		return false;
	}
	if (h == t->host)
		return true;
	t->host = h;
	t->port = port_of(t, h, t->port->port, &visible);
	step_note(t, OUTCOME_TAKEN,
		  "%.*s is %s: on the proxy the authority names the host, not the "
		  "address dialled",
		  (int)a.length, a.at, h->host);
	decide(t, "host", json_string(h->host));
	if (t->port->by_name)
		by_name_tell(t, dialled);
	return t->port != dialled;
}

/* Whose host it is for the caller, else whose it is at all. */
static const struct object *owner_find(struct telling *t)
{
	const struct object *owner = host_owner(&t->planner, t->host->host);
	struct owners all;

	owners_find(&t->planner, t->host->host, &all);
	for (size_t i = 0; !owner && i < all.list.nr; i++)
		if (!strcmp(all.list.at[i]->id, t->host->id))
			owner = all.list.at[i];
	vec_free(&all.list);
	return owner ? owner : named_dialled(&t->planner, t->host->host);
}

static void host_tell(struct telling *t)
{
	const struct object *owner = owner_find(t);
	bool visible;

	step(t, OUTCOME_TAKEN, owner, "", owner ? &owner->place : NULL, "%s is %s of %s",
	     t->target.host, t->host->host, owner ? owner->id : t->host->id);
	caller_tell(t);
	t->port = port_of(t, t->host, t->target.port, &visible);
	if (!visible)
		hidden_tell(t, owner);
	else if (!t->port)
		unknown_tell(t,
			     arena_printf(t->scratch.arena, "it has no TCP port %u: the connection",
					  t->target.port));
	else if (!t->asked || t->port->verdict != VERDICT_PROXY || !t->port->nr_rules ||
		 authority_tell(t))
		port_tell(t);
}

/* ---- the whole ---- */

static json_t *result_json(struct telling *t)
{
	if (t->regexes.nr_limits)
		step_note(t, OUTCOME_NOTE, "a regular expression took too long, which is no match");
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:O, s:O}", "host",
			 t->host ? json_string(t->host->host) : json_null(), "object",
			 t->host ? t->host->id : "", "port",
			 t->port ? json_of_port(t->port) : json_null(), "request", request_json(t),
			 "caller", caller_json(t), "steps", t->steps, "decision", t->decision);
}

/* An address that is of no host may still be that of a server which the caller knows. */
static void address_tell(struct telling *t)
{
	const struct plan_host *h = server_host(t->plan, &t->target, t->planner.caller);

	if (h) {
		step_note(t, OUTCOME_NOTE, "%s is a server of %s: it passes as dialled",
			  t->target.host, h->host);
		decide(t, "verdict", json_string("untouched"));
		return;
	}
	unknown_tell(t, arena_printf(t->scratch.arena, "%s is the address of no service: it",
				     t->target.host));
}

/* A name that is of no host: where it leads to is an address that is not known either. */
static char *nobody_text(const struct telling *t)
{
	const struct plan_scope *s = t->planner.caller;

	if (!s || !s->registry_only)
		return xasprintf("%s: no service has this name: it passes untouched",
				 t->question->target);
	return xasprintf("%s: no service has this name: it is refused, as %s lets the caller reach "
			 "known hosts only", t->question->target, s->sidecar->id);
}

static int explain(struct telling *t, json_t **out, char **why)
{
	int err = 0;

	if (!target_parse(t->question->target, &t->target)) {
		*why = xasprintf("%s: want HOST[:PORT] or a URL", t->question->target);
		return -EINVAL;
	}
	if (!request_read(t, why))
		return -EINVAL;
	caller_read(t);
	if (t->question->gateway) {
		err = gateway_explain(t, why);
		if (!err)
			*out = result_json(t);
		return err;
	}
	t->host = target_host(t->plan, t->planner.set, &t->target, t->namespace);
	if (!t->host && !t->target.is_address) {
		*why = nobody_text(t);
		return -ENOENT;
	}
	if (t->host)
		host_tell(t);
	else
		address_tell(t);
	*out = result_json(t);
	return 0;
}

static void telling_free(struct telling *t)
{
	for (size_t i = 0; i < t->scratch.used.nr; i++)
		object_put(t->scratch.used.at[i]);
	vec_free(&t->scratch.used);
	host_end(&t->scratch);
	diags_free(&t->scratch.findings);
	arena_free(t->scratch.arena);
	vec_free(&t->headers);
	regexes_free(&t->regexes);
	strmap_free(&t->told);
	json_decref(t->steps);
	json_decref(t->decision);
	free(t->target.host);
}

int plan_explain(const struct plan *p, const struct config_set *set,
		 const struct plan_question *question, json_t **out, char **why)
{
	struct plan_index *own = p->index->owner == p ? NULL : index_new(set);
	struct telling t = {
		.plan = p,
		.planner = {.set = set, .index = own ? own : p->index},
		.question = question,
		.scratch = {.arena = arena_new(), .host = ""},
		.steps = json_array(),
		.decision = json_pack("{s:n, s:s, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:[]}", "verdict",
				      "because", "", "host", "rule", "from", "status", "location",
				      "path", "authority", "destinations"),
	};
	int err;

	t.planner.host = &t.scratch;
	err = explain(&t, out, why);
	telling_free(&t);
	index_put(own);
	return err;
}
