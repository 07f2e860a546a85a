// SPDX-License-Identifier: GPL-2.0
/* What `services` shows: the plan beside what the kernel and the proxy measured. */
#include <stdlib.h>
#include "agent/agent.h"
#include "agent/counts.h"
#include "agent/sights.h"
#include "agent/wire.h"

static const char *const verdicts[] = {"kernel", "proxy", "untouched"};

static json_t *split_json(struct agent *a, const struct plan_route *route,
			  const struct plan_split *split)
{
	const struct plan_cluster *cluster = split->cluster;
	struct cluster_reading r = {0};

	datapath_cluster_find(a->dp, cluster->host, cluster->port, cluster_protocol(cluster),
			      cluster->subset, &r);
	return json_pack("{s:s,s:i,s:s,s:i,s:f,s:I,s:o}", "host", cluster->host, "port",
			 cluster->port, "subset", cluster->subset, "weight", (int)split->weight,
			 "share", route->total ? (double)split->weight / route->total : 1.0,
			 "opened", (json_int_t)r.opened, "unknown", json_text(cluster->unknown));
}

/* Where the rule stands; "" of the plain service. */
static char *rule_source(const struct plan_rule *r)
{
	return r->from.object ? xasprintf("%s %s", r->from.object->id, r->from.field) : xstrdup("");
}

/* What the proxy counted of the rule's requests to a destination; of those that need none, at the
 * host itself. */
static json_t *counted_json(struct agent *a, const char *source, const char *host, uint16_t port,
			    const char *subset)
{
	const struct requests_of of = {source, host, subset, port};
	struct requests counts;

	datapath_requests_find(a->dp, &of, &counts);
	return requests_json(&counts);
}

/* A rule as the proxy walks it, with the requests that it took. */
static json_t *rule_json(struct agent *a, const struct plan_host *host,
			 const struct plan_port *port, const struct plan_rule *r)
{
	char *source = rule_source(r);
	json_t *splits = json_array(), *out;

	out = json_pack("{s:s,s:s,s:o}", "name", r->name, "source", source, "splits", splits);
	if (!r->route.nr_splits)
		json_object_update_new(out,
				       counted_json(a, source, host->host, port->port, ""));
	for (size_t i = 0; i < r->route.nr_splits; i++) {
		const struct plan_split *s = &r->route.splits[i];
		json_t *split = json_pack(
			"{s:s,s:i,s:s,s:i,s:f,s:o}", "host", s->cluster->host, "port",
			s->cluster->port, "subset", s->cluster->subset, "weight", (int)s->weight,
			"share", r->route.total ? (double)s->weight / r->route.total : 1.0,
			"unknown", json_text(s->cluster->unknown));

		json_object_update_new(split, counted_json(a, source, s->cluster->host,
							   s->cluster->port, s->cluster->subset));
		json_array_append_new(splits, split);
	}
	free(source);
	return out;
}

static json_t *rules_json(struct agent *a, const struct plan_host *host,
			  const struct plan_port *port)
{
	json_t *rules = json_array();

	for (size_t i = 0; plan_port_walked(port) && i < port->nr_rules; i++)
		json_array_append_new(rules, rule_json(a, host, port, &port->rules[i]));
	return rules;
}

static json_t *splits_json(struct agent *a, const struct plan_route *route)
{
	json_t *out = json_array();

	for (size_t i = 0; i < route->nr_splits; i++)
		json_array_append_new(out, split_json(a, route, &route->splits[i]));
	return out;
}

static json_t *subnet_json(const struct subnet *subnet)
{
	char text[INET_TEXT];

	return json_string(inet_print_cidr(&subnet->address, subnet->prefix, text));
}

static json_t *subnets_json(const struct sight *s)
{
	const struct subnet *subnets = s->view ? s->view->subnets : s->host->subnets;
	size_t nr = s->view ? s->view->nr_subnets : s->host->nr_subnets;
	json_t *out = json_array();

	for (size_t i = 0; i < nr; i++)
		json_array_append_new(out, subnet_json(&subnets[i]));
	return out;
}

static json_t *branches_json(struct agent *a, const struct plan_port *port)
{
	json_t *out = json_array();

	for (size_t i = 0; i < port->nr_branches; i++) {
		const struct plan_branch *b = &port->branches[i];

		json_array_append_new(out, json_pack("{s:o,s:s,s:o}", "subnet",
						     subnet_json(&b->subnet), "route",
						     b->route.name, "splits",
						     splits_json(a, &b->route)));
	}
	return out;
}

static void service_add(struct agent *a, const struct sight *s, const struct plan_port *port,
			void *list)
{
	json_t *addresses = json_array();
	char text[INET_TEXT];

	for (size_t i = 0; i < s->nr_addresses; i++)
		json_array_append_new(addresses, json_string(inet_print(&s->addresses[i], text)));
	json_array_append_new(
		list, json_pack("{s:s,s:o,s:o,s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o}", "host",
				s->host->host, "addresses", addresses, "subnets",
				subnets_json(s), "port", port->port,
				"protocol", protocol_name(port->protocol), "verdict",
				verdicts[port->verdict], "because", port->because, "route",
				port->route.name, "object", port->route.object, "id", s->id,
				"scopes",
				scopes_json(s->view ? s->view->scopes : NULL,
					    s->view ? s->view->nr_scopes : 0),
				"splits", splits_json(a, &port->route), "branches",
				branches_json(a, port), "rules", rules_json(a, s->host, port)));
}

json_t *command_services(struct agent *a, const json_t *request)
{
	json_t *list = json_array();

	port_each(a, request, service_add, list);
	return json_pack("{s:b,s:o}", "ok", 1, "services", list);
}
