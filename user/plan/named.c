// SPDX-License-Identifier: GPL-2.0
/* Hosts that no service has: a VirtualService names them, and the proxy finds them by Host. */
#include "plan/named.h"
#include <string.h>
#include "plan/rule.h"
#include "plan/visible.h"

#define WEB 80 /* the only port on which Istio gives such a name its routes */

bool is_named(const struct object *owner)
{
	return owner->kind == KIND_VIRTUAL_SERVICE;
}

/* Nobody has any of its hosts: else they are names of those who have one. With a wildcard, whose
 * hosts are not looked for, it does not count. */
static bool names_only(const struct planner *p, const struct object *o)
{
	const struct virtual_service *vs = &o->virtual_service;

	for (size_t i = 0; i < vs->nr_hosts; i++)
		if (vs->hosts[i][0] == '*' || owner_first(p, vs->hosts[i]))
			return false;
	return vs->nr_http;
}

struct object *named_dialled(const struct planner *p, const char *host)
{
	struct object *vs = strmap_get(&p->index->routes, host) ? routes_owner(p, host, NULL) : NULL;

	return vs && names_only(p, vs) ? vs : NULL;
}

struct object *named_first(const struct planner *p, const char *host)
{
	const struct bag *bag = strmap_get(&p->index->routes, host);
	struct object *o, *first = NULL;

	bag_each(bag, o)
		if ((!first || object_order(o, first) < 0) && names_only(p, o))
			first = o;
	return first;
}

void named_build(struct planner *p, struct ports *out)
{
	const struct object *vs = p->owner;
	const struct vantage mesh = {.port = WEB};
	struct rule_list rules;
	struct plan_port *port;

	host_use(p, (struct object *)vs);
	if (!sidecar_opens(p, p->host->host, vs->namespace, WEB))
		return;
	rules_build(p, vs, &mesh, &rules);
	if (!rules.nr)
		return;
	port = arena_alloc(p->host->arena, sizeof(*port));
	*port = (struct plan_port){.port = WEB,
				   .name = "",
				   .protocol = PROTOCOL_HTTP,
				   .verdict = VERDICT_UNTOUCHED,
				   .by_name = true,
				   .because = "no service has the host; its rules take requests "
					      "for it that come to the proxy on this port",
				   .because_from.field = "",
				   .refuse_because = "",
				   .route = {.name = "default", .object = ""},
				   .rules = rules.at,
				   .nr_rules = rules.nr};
	unproxied_tell(p, port);
	advice_give(p, port, vs);
	out->at = port;
	out->nr = 1;
}

void named_tell(struct planner *p)
{
	const struct plan_host *h = p->host;
	bool routed = h->nr_ports;

	for (size_t i = 0; i < h->nr_views; i++)
		routed |= h->views[i].nr_ports;
	if (routed)
		host_find(p, DIAG_WARNING, &p->owner->place, p->owner, "",
			  "no service has any of its hosts: its http routes take only requests for "
			  "%s that come to the proxy on port %d", h->host, WEB);
	else
		host_find(p, DIAG_WARNING, &p->owner->place, p->owner, "",
			  "no service has any of its hosts, and nobody has a route of it on port "
			  "%d; it has no effect", WEB);
}
