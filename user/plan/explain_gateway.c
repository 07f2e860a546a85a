// SPDX-License-Identifier: GPL-2.0
/* Why a request that comes in at a gateway goes where it goes: listener, server, domain, rule. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "plan/explain.h"
#include "plan/gateway.h"

/* Where the request comes in. */
struct entrance {
	const struct object *gateway;
	const struct plan_gateway *workload;
	const struct plan_listener *listener;
	const struct plan_server *server; /* of the Gateway; of TLS that which is asked */
};

/* ---- finding it ---- */

static const struct plan_server *server_of(const struct plan_listener *l,
					   const struct object *gateway)
{
	const struct plan_server *s;

	vec_each(&l->servers, s)
		if (s->from.object == gateway)
			return s;
	return NULL;
}

/* How well a listener fits: the port that is dialled, else the scheme. */
static unsigned listener_fits(const struct telling *t, const struct plan_listener *l)
{
	bool https = t->request.scheme.length == 5;

	if (t->target.port && (l->port == t->target.port || l->target_port == t->target.port))
		return 3;
	return l->kind == (https ? LISTENER_TLS : LISTENER_HTTP) ? 2 : 1;
}

static void entrance_find(struct telling *t, struct entrance *e)
{
	struct plan_gateway **g;
	unsigned best = 0;

	vec_each(&t->plan->gateways->list, g) {
		const struct plan_listener *l;

		vec_each(&(*g)->listeners, l) {
			unsigned fits = listener_fits(t, l);

			if (!server_of(l, e->gateway) || fits <= best)
				continue;
			best = fits;
			e->workload = *g;
			e->listener = l;
		}
	}
}

/* ---- rules ---- */

/* The route as it was written, to name what each action comes from. */
static const struct merged_route *written_find(struct telling *t, const struct plan_rule *r,
					       struct merged_routes *routes)
{
	const struct merged_route *m;

	*routes = (struct merged_routes){0};
	if (!r->from.object || r->from.object->kind != KIND_VIRTUAL_SERVICE)
		return NULL;
	delegates_merge(&t->planner, r->from.object, routes);
	vec_each(&routes->list, m)
		if (rule_is_of(r, m))
			return m;
	return NULL;
}

static bool rule_walk(struct telling *t, const struct plan_rule *r)
{
	const struct plan_match *taken = NULL;
	struct merged_routes routes;
	const struct merged_route *m;

	if (t->asked && !rule_takes(t, r, &taken))
		return false;
	m = written_find(t, r, &routes);
	if (!t->asked)
		rule_list(t, r);
	actions_tell(t, r, m, taken);
	split_tell(t, &r->route);
	if (t->asked)
		rule_decided(t, r);
	vec_free(&routes.list);
	return t->asked;
}

static void missing_tell(struct telling *t, const char *why)
{
	step_note(t, OUTCOME_REFUSED, "%s: the request is answered 404", why);
	decide(t, "status", json_integer(404));
}

static void vhost_tell(struct telling *t, const struct plan_vhost *v, const struct entrance *e)
{
	const struct plan_rule *r;

	step_at(t, OUTCOME_TAKEN, &e->server->from, "%.*s is of the domain %s",
		(int)t->request.authority.length, t->request.authority.at, v->domain);
	if (v->https_redirect) {
		step_at(t, OUTCOME_TAKEN, &e->server->from,
			"each request is answered 301 to https, whatever the rules");
		decide(t, "status", json_integer(301));
		return;
	}
	vec_each(&v->rules, r)
		if (rule_walk(t, r))
			return;
	if (t->asked)
		missing_tell(t, "no route takes the request");
}

static void vhosts_tell(struct telling *t, const struct plan_vhosts *all, const struct entrance *e)
{
	const struct plan_vhost *v, *best = NULL;
	struct http_text a = t->request.authority;

	t->what = "requests";
	vec_each(&all->list, v)
		if (http_domain_match(v->domain, a) >
		    (best ? http_domain_match(best->domain, a) : 0))
			best = v;
	if (best)
		vhost_tell(t, best, e);
	else
		missing_tell(t, arena_printf(t->scratch.arena,
					     "no route of the gateway is for the host %.*s",
					     (int)a.length, a.at));
}

/* ---- servers ---- */

static void tls_settings_tell(struct telling *t, const struct plan_server *s)
{
	const struct plan_credential *c;

	if (!s->tls)
		return;
	step(t, OUTCOME_APPLIES, s->from.object, s->from.field, &s->tls->place, "tls %s ends here",
	     server_tls_name(s->tls->mode));
	for (c = s->credentials; c < s->credentials + s->nr_credentials; c++)
		step(t, c->state == CREDENTIAL_FOUND ? OUTCOME_APPLIES : OUTCOME_REFUSED, c->pair,
		     "", c->pair ? &c->pair->place : NULL, "the credential %s: %s", c->name,
		     credential_state_name(c->state));
}

/* The server whose hosts the server name is of, the most specific first. */
static const struct plan_server *server_asked(const struct telling *t,
					      const struct plan_listener *l)
{
	const struct plan_server *s, *found = NULL;
	unsigned best = 0;

	vec_each(&l->servers, s)
		for (size_t i = 0; i < s->nr_hosts; i++) {
			unsigned fits = http_domain_match(s->hosts[i].host, t->request.authority);

			if (fits <= best)
				continue;
			best = fits;
			found = s;
		}
	return found;
}

static void passthrough_tell(struct telling *t, const struct plan_server *s)
{
	const struct plan_sni *sni = sni_asked(t, s->snis.at, s->snis.nr);

	t->what = "connections";
	if (sni)
		sni_tell(t, sni, OUTCOME_TAKEN, "is taken: it has");
	else
		step_note(t, OUTCOME_REFUSED,
			  "no route has the server name: connections are closed");
}

static void bytes_tell(struct telling *t, const struct plan_server *s)
{
	t->what = "connections";
	if (s->route_from.object)
		step_at(t, OUTCOME_TAKEN, &s->route_from, "%s is taken", s->route_from.field);
	else
		step_note(t, OUTCOME_REFUSED, "no tcp route is for it: connections are closed");
	split_tell(t, &s->route);
}

static void server_tell(struct telling *t, struct entrance *e)
{
	const struct plan_server *s = e->server;

	switch (s->kind) {
	case SERVER_HTTP:
		vhosts_tell(t, &e->listener->vhosts, e);
		break;
	case SERVER_HTTPS:
		tls_settings_tell(t, s);
		vhosts_tell(t, &s->vhosts, e);
		break;
	case SERVER_TLS:
		tls_settings_tell(t, s);
		bytes_tell(t, s);
		break;
	case SERVER_PASSTHROUGH:
		passthrough_tell(t, s);
		break;
	case SERVER_TCP:
		bytes_tell(t, s);
		break;
	}
}

/* What was said of the Gateway, or of who is bound to it, while it was planned. */
static void findings_tell(struct telling *t, const struct diags *findings,
			  const struct object *gateway)
{
	struct diag *d;

	vec_each(&findings->list, d)
		if (d->level == DIAG_WARNING &&
		    (strstr(d->text, gateway->id) || (d->path && strstr(d->path, gateway->id))))
			step(t, OUTCOME_PASSED_OVER, NULL, "", &d->place, "%s: %s",
			     d->path ? d->path : "", d->text);
}

static void entrance_tell(struct telling *t, struct entrance *e)
{
	const struct plan_listener *l = e->listener;

	e->server = l->kind == LISTENER_TLS ? server_asked(t, l) : server_of(l, e->gateway);
	if (!e->server) {
		step_note(t, OUTCOME_REFUSED,
			  "no server on port %u has the server name %.*s: "
			  "connections are closed",
			  l->port, (int)t->request.authority.length, t->request.authority.at);
		return;
	}
	step_at(t, OUTCOME_TAKEN, &e->server->from,
		"%s %s listens on port %u, %s, of the gateway %s", e->server->from.object->id,
		e->server->from.field, l->port, server_kind_name(e->server->kind),
		e->workload->key);
	if (t->target.port && t->target.port != l->port && t->target.port != l->target_port)
		step_note(t, OUTCOME_NOTE,
			  "port %u is none of its ports: the one for %.*s is meant", t->target.port,
			  (int)t->request.scheme.length, t->request.scheme.at);
	t->listener = (struct http_listener){l->port, l->kind == LISTENER_TLS};
	server_tell(t, e);
}

static const struct object *gateway_named(const struct telling *t)
{
	const char *name = t->question->gateway, *slash = strchr(name, '/');
	const char *namespace =
		slash ? arena_strndup(t->scratch.arena, name, (size_t)(slash - name)) :
			t->namespace;

	return config_set_get(t->planner.set, KIND_GATEWAY, namespace, slash ? slash + 1 : name);
}

int gateway_explain(struct telling *t, char **why)
{
	struct entrance e = {.gateway = gateway_named(t)};
	const struct plan_gateways *all = t->plan->gateways;

	if (!e.gateway) {
		*why = xasprintf("%s: there is no such Gateway", t->question->gateway);
		return -ENOENT;
	}
	decide(t, "verdict", json_string("gateway"));
	if (all)
		entrance_find(t, &e);
	if (e.listener) {
		t->workload = (struct plan_scope){.key = e.workload->key,
						  .labels = e.workload->labels,
						  .namespace = e.workload->namespace};
		t->planner.caller = &t->workload;
		entrance_tell(t, &e);
		findings_tell(t, &e.workload->part->findings, e.gateway);
	} else {
		step(t, OUTCOME_REFUSED, e.gateway, "", &e.gateway->place, "%s listens nowhere",
		     e.gateway->id);
	}
	if (all && all->part)
		findings_tell(t, &all->part->findings, e.gateway);
	step_note(t, OUTCOME_NOTE, "the listeners of gateways are not opened in this version");
	return 0;
}
