// SPDX-License-Identifier: GPL-2.0
/* Why a connection goes where it goes: the steps of the decision, taken again and told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"

/* ---- which host and port is meant ---- */

struct target {
	char *host; /* or the address */
	unsigned port; /* 0: not given */
	bool is_address;
	struct inet address;
};

static bool target_parse(const char *text, struct target *t)
{
	const char *colon = strrchr(text, ':');
	size_t length = strlen(text);
	char *end = NULL;

	memset(t, 0, sizeof(*t));
	t->is_address = inet_parse(text, &t->address);
	if (t->is_address) {
		t->host = xstrdup(text);
		return true;
	}
	if (colon) {
		t->port = strtoul(colon + 1, &end, 10);
		if (*end || end == colon + 1 || !t->port || t->port > 65535)
			return false;
		length = colon - text;
	}
	if (length > 2 && text[0] == '[' && text[length - 1] == ']')
		t->host = xstrndup(text + 1, length - 2);
	else
		t->host = xstrndup(text, length);
	t->is_address = inet_parse(t->host, &t->address);
	return true;
}

static const struct plan_port *port_of(const struct plan_host *h, unsigned port)
{
	for (size_t i = 0; i < h->nr_ports; i++)
		if (!port || h->ports[i].port == port)
			return &h->ports[i];
	return NULL;
}

static struct plan_host *host_at(const struct plan *p, const struct target *t)
{
	struct strmap_entry *e;

	strmap_each(&p->hosts, e) {
		struct plan_host *h = e->value;

		for (size_t i = 0; i < h->nr_addresses; i++)
			if (inet_equal(&h->addresses[i], &t->address) && port_of(h, t->port))
				return h;
	}
	return NULL;
}

/* As a resolver's search list finds it: "a", "a.ns", "a.ns.svc", the whole name. */
static struct plan_host *host_named(const struct plan *p, const char *name, const char *namespace)
{
	struct plan_host *h = NULL;

	for (size_t i = 0; i < 4 && !h; i++) {
		char *host = i == 0   ? xasprintf("%s", name)
			     : i == 1 ? xasprintf("%s." CLUSTER_DOMAIN, name)
			     : i == 2 ? xasprintf("%s.svc." CLUSTER_DOMAIN, name)
				      : xasprintf("%s.%s.svc." CLUSTER_DOMAIN, name,
						  namespace ? namespace : "default");

		h = strmap_get(&p->hosts, host);
		free(host);
	}
	return h;
}

/* ---- the steps ---- */

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

static void cluster_tell(const struct planner *p, const struct plan_split *s, uint32_t total,
			 json_t *steps)
{
	const struct plan_cluster *c = s->cluster;
	const struct object *owner = host_owner(p, c->host);
	struct policy_choice choice;
	struct object **o;
	struct rules rules;
	char share[32];

	share_print(s->weight, total, share);
	if (c->unknown || !owner) {
		step(steps, NULL, "", NULL, "%s of the connections are refused: %s", share,
		     c->unknown ? c->unknown : "no such service");
		return;
	}
	rules_of(p, c->host, owner->namespace, &rules);
	vec_each(&rules.list, o)
		step(steps, *o, "spec.host", &(*o)->place, "%s counts for %s", (*o)->id, c->host);
	policy_choose(&rules, c->port, c->subset, &choice);
	step(steps, choice.rule, choice.field, choice.rule ? &choice.rule->place : NULL,
	     "%s of the connections go to %s%s%s:%u, %s (%s), %zu endpoints", share, c->subset,
	     *c->subset ? " of " : "", c->host, c->port, policy_name(c->policy),
	     choice.rule ? choice.field : "the default", c->nr_endpoints);
	if (c->max_connections)
		step(steps, NULL, "", NULL, "at most %u connections at a time per node",
		     c->max_connections);
	vec_free(&rules.list);
}

static void port_tell(const struct planner *p, const struct plan_host *h,
		      const struct plan_port *port, json_t *steps)
{
	const struct plan_route *r = &port->route;

	if (port->verdict == VERDICT_UNTOUCHED)
		step(steps, NULL, "", NULL, "connections pass as dialled: %s", port->because);
	if (!r->nr_splits)
		return;
	virtual_service_tell(p, h, port, steps);
	for (size_t i = 0; i < r->nr_splits; i++)
		cluster_tell(p, &r->splits[i], r->total, steps);
	if (port->host_only)
		step(steps, NULL, "", NULL, "from the host only: it has loopback endpoints");
}

static json_t *explain(const struct plan *plan, const struct config_set *set,
		       const struct plan_host *h, const struct target *t)
{
	struct plan_index *own = plan->index->owner == plan ? NULL : index_new(set);
	struct planner p = {.set = set, .index = own ? own : plan->index};
	const struct plan_port *port = port_of(h, t->port);
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

int plan_explain(const struct plan *p, const struct config_set *set, const char *target,
		 const char *namespace, json_t **out)
{
	const struct plan_host *h = NULL;
	struct target t;

	if (!target_parse(target, &t))
		return -EINVAL;
	h = t.is_address ? host_at(p, &t) : host_named(p, t.host, namespace);
	if (h)
		*out = explain(p, set, h, &t);
	free(t.host);
	return h ? 0 : -ENOENT;
}
