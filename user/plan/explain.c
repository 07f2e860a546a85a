// SPDX-License-Identifier: GPL-2.0
/* Why a connection goes where it goes: the steps of the decision, taken again and told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"
#include "plan/target.h"

static void step(json_t *steps, const struct object *o, const char *field,
		 const struct place *place, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static void step(json_t *steps, const struct object *o, const char *field,
		 const struct place *place, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	json_array_append_new(steps, json_pack("{s:s, s:s, s:s, s:o}", "text", text, "object",
					       o ? o->id : "", "field", field, "place",
					       place ? json_of_place(place) : json_null()));
	free(text);
}

static void routes_tell(json_t *steps, const struct object *vs, enum section section,
			const struct vs_route *taken, uint16_t port)
{
	const struct virtual_service *v = &vs->virtual_service;
	const struct vs_route *routes = section == SECTION_HTTP ? v->http : v->tcp;
	size_t nr = section == SECTION_HTTP ? v->nr_http : v->nr_tcp;

	for (size_t i = 0; i < nr; i++) {
		if (&routes[i] == taken) {
			step(steps, vs, taken->path, &taken->place, "%s is taken: %s", taken->path,
			     taken->nr_matches ? "a match has this port" : "it has no match");
			return;
		}
		step(steps, vs, routes[i].path, &routes[i].place,
		     "%s is passed over: no match for port %u", routes[i].path, port);
	}
	step(steps, vs, "", &vs->place, "no route takes port %u: the plain service", port);
}

static void virtual_service_tell(const struct planner *p, const struct plan_host *h,
				 const struct plan_port *port, json_t *steps)
{
	const struct bag *all = NULL;
	const struct later *later = NULL;
	struct object *o, *vs = routes_owner(p, h->host, &all);
	enum section section;

	if (!vs) {
		step(steps, NULL, "", NULL, "no VirtualService has this host: the plain service");
		return;
	}
	bag_each(all, o)
		if (o != vs)
			step(steps, o, "spec.hosts", &o->place, "%s is passed over: %s is older",
			     o->id, vs->id);
	step(steps, vs, "spec.hosts", &vs->place, "%s has this host", vs->id);
	section = section_of(&vs->virtual_service, port->protocol, &later);
	if (later) {
		step(steps, vs, later->path, &later->place,
		     "its routes are passed over: %s is not in force", later->path);
		return;
	}
	if (section == SECTION_NONE) {
		step(steps, vs, "", &vs->place, "it has no routes for %s ports: the plain service",
		     protocol_name(port->protocol));
		return;
	}
	routes_tell(steps, vs, section, route_find(&vs->virtual_service, section, port->port),
		    port->port);
}

/* The rules of a host, each told of once though several subsets depend on it. */
static void rules_tell(const struct rules *rules, const char *host, struct strmap *told,
		       json_t *steps)
{
	struct object **o;

	vec_each(&rules->list, o) {
		char *key = xasprintf("%s %s", (*o)->id, host);

		if (!strmap_put(told, key, *o))
			step(steps, *o, "spec.host", &(*o)->place, "%s counts for %s", (*o)->id,
			     host);
		free(key);
	}
}

static void cluster_tell(const struct planner *p, const struct plan_split *s, uint32_t total,
			 struct strmap *told, json_t *steps)
{
	const struct plan_cluster *c = s->cluster;
	const struct object *owner = host_owner(p, c->host);
	struct policy_choice choice;
	struct rules rules;
	char share[32];

	share_print(s->weight, total, share);
	if (c->unknown || !owner) {
		step(steps, NULL, "", NULL, "%s of the connections are refused: %s", share,
		     c->unknown ? c->unknown : "no such service");
		return;
	}
	rules_of(p, c->host, owner->namespace, &rules);
	rules_tell(&rules, c->host, told, steps);
	policy_choose(&rules, c->port, c->subset, &choice);
	step(steps, choice.rule, choice.field, choice.rule ? &choice.rule->place : NULL,
	     "%s of the connections go to %s%s%s:%u, %s (%s), %zu endpoint%s", share, c->subset,
	     *c->subset ? " of " : "", c->host, c->port, policy_name(c->policy),
	     choice.rule ? choice.field : "the default", c->nr_endpoints,
	     c->nr_endpoints == 1 ? "" : "s");
	if (c->max_connections)
		step(steps, NULL, "", NULL, "at most %u connections at a time per node",
		     c->max_connections);
	vec_free(&rules.list);
}

static void port_tell(const struct planner *p, const struct plan_host *h,
		      const struct plan_port *port, json_t *steps)
{
	const struct plan_route *r = &port->route;
	struct strmap told = {0};

	if (port->verdict == VERDICT_UNTOUCHED)
		step(steps, NULL, "", NULL, "connections pass as dialled: %s", port->because);
	if (!r->nr_splits)
		return;
	virtual_service_tell(p, h, port, steps);
	for (size_t i = 0; i < r->nr_splits; i++)
		cluster_tell(p, &r->splits[i], r->total, &told, steps);
	strmap_free(&told);
	if (port->host_only)
		step(steps, NULL, "", NULL, "from the host only: it has loopback endpoints");
}

static json_t *explain(const struct plan *plan, const struct config_set *set,
		       const struct plan_host *h, const struct target *t)
{
	struct plan_index *own = plan->index->owner == plan ? NULL : index_new(set);
	struct planner p = {.set = set, .index = own ? own : plan->index};
	const struct plan_port *port = target_port(h, t->port);
	const struct object *owner = host_owner(&p, h->host);
	json_t *steps = json_array();

	step(steps, owner, "", owner ? &owner->place : NULL, "%s is %s of %s", t->host, h->host,
	     h->id);
	if (port)
		port_tell(&p, h, port, steps);
	else
		step(steps, NULL, "", NULL, "it has no TCP port %u: the connection is untouched",
		     t->port);
	index_put(own);
	return json_pack("{s:s, s:s, s:o, s:o}", "host", h->host, "object", h->id, "port",
			 port ? json_of_port(port) : json_null(), "steps", steps);
}

/* An address is dialled as it is, whether a service has it or not. */
static json_t *explain_untouched(const struct target *t)
{
	json_t *steps = json_array();

	step(steps, NULL, "", NULL, "%s is the address of no service: it passes untouched",
	     t->host);
	return json_pack("{s:n, s:s, s:n, s:o}", "host", "object", "", "port", "steps", steps);
}

int plan_explain(const struct plan *p, const struct config_set *set, const char *target,
		 const char *namespace, json_t **out)
{
	const struct plan_host *h;
	struct target t;
	int err = 0;

	if (!target_parse(target, &t))
		return -EINVAL;
	h = target_host(p, set, &t, namespace ? namespace : "default");
	if (h)
		*out = explain(p, set, h, &t);
	else if (t.is_address)
		*out = explain_untouched(&t);
	else
		err = -ENOENT;
	free(t.host);
	return err;
}
