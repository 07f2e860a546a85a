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

/* ---- the host ---- */

static const struct plan_port *port_of(const struct telling *t, const struct plan_host *h,
				       const struct target *target, bool *visible)
{
	const struct plan_port *ports;
	size_t nr;

	*visible = plan_view_of(h, t->planner.caller, &ports, &nr);
	return target_port(target, ports, nr);
}

/* On the proxy the authority names the host, whatever was dialled; NULL: none of that port. */
static const struct plan_host *host_asked(struct telling *t)
{
	const struct plan_host *found = NULL;
	const struct target same = {.port = t->port->port, .has_transport = true};
	struct strmap_entry *e;
	unsigned best = 0;
	bool visible;

	strmap_each(&t->plan->hosts, e) {
		const struct plan_host *h = e->value;
		const struct plan_port *port = port_of(t, h, &same, &visible);
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
	const struct target same = {.port = dialled->port, .has_transport = true};
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
	t->port = port_of(t, h, &same, &visible);
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
	t->port = port_of(t, t->host, &t->target, &visible);
	if (!visible)
		hidden_tell(t, owner);
	else if (!t->port)
		nobodys_tell(t, arena_printf(t->scratch.arena, "it has no %s port %u: the connection",
					     t->target.udp ? "UDP" : "TCP", t->target.port));
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

/* False: nobody has that node port. Which addresses the node has is not known here. */
static bool node_port_tell(struct telling *t)
{
	const struct plan_port *port;
	const struct plan_host *h = t->target.port ? node_port_host(t->plan, &t->target, &port) : NULL;

	if (!h)
		return false;
	t->host = h;
	step_note(t, OUTCOME_NOTE, "%u is the node port of %s:%u: this is so if %s is an address of "
		  "the node", t->target.port, h->host, port->port, t->target.host);
	t->target.port = port->port;
	t->target.has_transport = true;
	host_tell(t);
	return true;
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
	if (node_port_tell(t))
		return;
	nobodys_tell(t, arena_printf(t->scratch.arena, "%s is the address of no service: it",
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
