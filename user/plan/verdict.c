// SPDX-License-Identifier: GPL-2.0
/* What becomes of a port: the kernel steers it, the proxy has to, or it passes as dialled. */
#include <stdio.h>
#include <string.h>
#include "plan/rule.h"

/* Whether the http routes of `vs` (may be NULL) are for ports of this protocol. */
static bool port_is_http(enum protocol protocol, const struct object *vs)
{
	return protocol_is_http(protocol) ||
	       (protocol == PROTOCOL_AUTO && vs && vs->virtual_service.nr_http);
}

/* ---- the proxy ---- */

static const char *source_text(struct planner *p, const struct plan_source *source)
{
	return arena_printf(p->host->arena, "%s %s", source->object->id, source->field);
}

/* A destination of the bypass that wants TLS of its client; NULL: none. */
static const struct plan_source *tls_source(const struct plan_route *r)
{
	for (size_t i = 0; i < r->nr_splits; i++)
		if (r->splits[i].cluster->needs_tls)
			return &r->splits[i].cluster->full.from[BLOCK_TLS];
	return NULL;
}

/* What the proxy cannot do yet, and what becomes of such connections. */
static void proxy_tell(struct planner *p, const struct plan_port *port)
{
	const struct plan_source *because = &port->because_from;
	const struct plan_route *r = &port->route;
	char bypass[256];

	if (p->host->visible && p->caller && p->caller->registry_only)
		return; /* who is refused stands beside what everyone is told */
	if (plan_port_proxied(port)) {
		unproxied_tell(p, port);
		return;
	}
	snprintf(bypass, sizeof(bypass), "take the bypass, %s%s%s",
		 *r->object ? r->object : "the plain service", *r->object ? " " : "",
		 *r->object ? r->name : "");
	host_find(p, DIAG_NOTICE, &because->place, because->object, because->field,
		  "port %u needs the proxy, which does no %s yet: its connections %s", port->port,
		  protocol_name(port->protocol),
		  port->on_failure == FAILURE_REFUSE ? "are refused" : bypass);
}

/* The port is the proxy's, and out->route what the kernel does meanwhile. */
static void proxy_set(struct planner *p, struct plan_port *out, const struct object *vs,
		      const struct plan_source *because)
{
	const struct plan_source *tls = tls_source(&out->route);

	for (size_t i = 0; i < out->nr_branches && !tls; i++)
		tls = tls_source(&out->branches[i].route);
	out->verdict = VERDICT_PROXY;
	out->because_from = *because;
	out->because = source_text(p, because);
	if (tls)
		out->refuse_because = arena_printf(p->host->arena, "client TLS by %s",
						   source_text(p, tls));
	else if (p->caller && p->caller->registry_only)
		out->refuse_because = arena_printf(p->host->arena, "REGISTRY_ONLY by %s",
						   p->caller->sidecar->id);
	if (*out->refuse_because || refusal_is_asked(p, vs)) {
		out->on_failure = FAILURE_REFUSE;
		out->route = (struct plan_route){.name = "default", .object = ""};
	}
	proxy_tell(p, out);
}

/* ---- the kernel ---- */

static void route_tell(struct planner *p, const struct plan_route *r)
{
	for (size_t i = 0; i < r->nr_splits; i++)
		policy_tell(p, &r->splits[i].cluster->full);
}

static void kernel_set(struct planner *p, struct plan_port *out)
{
	const struct plan_route *r = &out->route;
	const struct plan_cluster *c = r->splits[0].cluster;
	const struct plan_source *by = &c->full.from[BLOCK_LOAD_BALANCER];

	/* what is unknown is refused, also by a route that would pass */
	if (r->nr_splits == 1 && c->policy == POLICY_PASSTHROUGH && !c->unknown &&
	    !out->nr_branches) {
		out->verdict = VERDICT_UNTOUCHED;
		out->because = arena_printf(p->host->arena, "%s %s.simple: PASSTHROUGH",
					    by->object->id, by->field);
		return;
	}
	route_tell(p, r);
	for (size_t i = 0; i < out->nr_branches; i++)
		route_tell(p, &out->branches[i].route);
}

/* ---- http ---- */

static void http_check(struct planner *p, const struct plan_port *port,
		       const struct plan_rule *rule)
{
	const struct plan_source *from = rule->delegate.object ? &rule->delegate : &rule->from;

	if (port->route.nr_splits < 2)
		return;
	host_find(p, DIAG_NOTICE, &from->place, from->object, from->field,
		  "port %u is split per connection: a client that keeps one connection stays on "
		  "one version; no default retries, request headers or metrics",
		  port->port);
}

/* The one rule of a service that no VirtualService routes. */
static void plain_rule(struct planner *p, const struct reach *reach, struct plan_rule *rule,
		       struct rule_list *out)
{
	memset(rule, 0, sizeof(*rule));
	rule->name = "default";
	rule->from.field = rule->delegate.field = rule->because.field = "";
	plain_build(p, &rule->route, reach);
	policy_because(p, &rule->route.splits[0].cluster->full, reach->layer, &rule->because);
	out->at = rule;
	out->nr = 1;
	out->bypass = rule->route;
}

/* A plain service in the kernel has none: there would be one for each port of the mesh. */
static void rules_put(struct planner *p, struct plan_port *out, const struct rule_list *rules)
{
	out->nr_rules = rules->nr;
	out->rules = arena_alloc(p->host->arena, rules->nr * sizeof(out->rules[0]));
	memcpy(out->rules, rules->at, rules->nr * sizeof(out->rules[0]));
}

static const struct plan_source *rules_because(const struct rule_list *rules)
{
	for (size_t i = 0; i < rules->nr; i++)
		if (rules->at[i].because.object)
			return &rules->at[i].because;
	return NULL;
}

/* False: no http rule is for the port, and by its name it need not be one of http. */
static bool http_build(struct planner *p, struct plan_port *out, const struct object *vs)
{
	const struct vantage mesh = {.port = out->port};
	const struct reach reach = {.layer = LAYER_HTTP, .listener = out->port};
	struct rule_list rules = {0};
	const struct plan_source *because;
	struct plan_source asked;
	struct plan_rule plain;
	bool routed;

	if (vs)
		rules_build(p, vs, &mesh, &rules);
	routed = rules.nr;
	if (!routed && out->protocol == PROTOCOL_AUTO)
		return false;
	if (!routed)
		plain_rule(p, &reach, &plain, &rules);
	because = rules_because(&rules);
	if (!because && split_is_asked(p, routed ? vs : NULL, &asked))
		because = &asked;
	if (because || routed)
		rules_put(p, out, &rules);
	out->route = because ? rules.bypass : rules.at[0].route;
	if (!out->route.nr_splits)
		plain_build(p, &out->route, &reach);
	if (because) {
		if (out->protocol == PROTOCOL_AUTO)
			tcp_bytes_build(p, out, vs, &out->bytes);
		proxy_set(p, out, routed ? vs : NULL, because);
		return true;
	}
	if (routed)
		http_check(p, out, &rules.at[0]);
	kernel_set(p, out);
	return true;
}

/* ---- tls and tcp ---- */

/* What is http there goes to the plain service: only http routes could say otherwise. */
static void http_rule_put(struct planner *p, struct plan_port *out)
{
	const struct reach reach = {.layer = LAYER_HTTP, .listener = out->port};
	struct rule_list rules = {0};
	struct plan_rule plain;

	plain_rule(p, &reach, &plain, &rules);
	rules_put(p, out, &rules);
}

/* What of the destinations of a route needs the proxy; false: nothing. */
static bool route_because(struct planner *p, const struct plan_route *r, enum layer layer,
			  struct plan_source *out)
{
	for (size_t i = 0; i < r->nr_splits; i++)
		if (policy_because(p, &r->splits[i].cluster->full, layer, out))
			return true;
	return false;
}

static void l4_set(struct planner *p, struct plan_port *out, const struct object *vs,
		   enum layer layer)
{
	struct plan_source because;
	bool found = route_because(p, &out->route, layer, &because);

	for (size_t i = 0; i < out->nr_branches && !found; i++)
		found = route_because(p, &out->branches[i].route, layer, &because);
	if (!found) {
		kernel_set(p, out);
		return;
	}
	if (layer == LAYER_AUTO) {
		tcp_bytes_build(p, out, vs, &out->bytes);
		out->nr_branches = 0;
		http_rule_put(p, out);
	} else {
		out->bytes = out->route;
	}
	proxy_set(p, out, vs, &because);
}

static void tcp_build(struct planner *p, struct plan_port *out, const struct object *vs)
{
	enum layer layer = out->protocol == PROTOCOL_AUTO  ? LAYER_AUTO
			   : out->protocol == PROTOCOL_UDP ? LAYER_UDP
							   : LAYER_TCP;
	bool routed = tcp_route_build(p, out, vs);

	l4_set(p, out, routed || out->nr_branches ? vs : NULL, layer);
}

/* One of snis for each match that holds, so that each has its own names and addresses. */
static void snis_add(struct planner *p, struct plan_port *out, const struct object *vs,
		     const struct vs_route *route, const struct reach *reach)
{
	const struct vantage mesh = {.port = out->port};
	struct plan_route split = {0};

	for (size_t i = 0; i < route->nr_matches; i++) {
		const struct route_match *m = &route->matches[i];

		if (l4_match_misses(p, m, &mesh))
			continue;
		if (!split.nr_splits)
			split_build(p, &split, vs, route, reach);
		out->snis[out->nr_snis++] = (struct plan_sni){
			.hosts = m->sni_hosts,
			.nr_hosts = m->nr_sni_hosts,
			.subnets = m->subnets,
			.nr_subnets = m->nr_subnets,
			.from = {vs, route->path, route->place},
			.route = split,
		};
	}
}

static void tls_build(struct planner *p, struct plan_port *out, const struct object *vs)
{
	const struct reach reach = {.layer = LAYER_TCP, .listener = out->port};
	const struct virtual_service *v = vs ? &vs->virtual_service : NULL;
	size_t nr = 0;

	for (size_t i = 0; v && i < v->nr_tls; i++)
		nr += v->tls[i].nr_matches;
	out->snis = arena_alloc(p->host->arena, nr * sizeof(out->snis[0]));
	for (size_t i = 0; v && i < v->nr_tls; i++)
		snis_add(p, out, vs, &v->tls[i], &reach);
	plain_build(p, &out->route, &reach);
	if (out->nr_snis)
		proxy_set(p, out, vs, &out->snis[0].from);
	else
		l4_set(p, out, NULL, LAYER_TCP);
}

void route_build(struct planner *p, struct plan_port *out, const struct object *vs)
{
	out->refuse_because = "";
	out->because_from.field = "";
	if (port_is_http(out->protocol, vs) && http_build(p, out, vs))
		return;
	if (protocol_is_tls(out->protocol))
		tls_build(p, out, vs);
	else
		tcp_build(p, out, vs);
}
