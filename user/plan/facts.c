// SPDX-License-Identifier: GPL-2.0
/* Facts of a host: addresses, verdicts, rules, shares, policies and endpoints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/facts.h"
#include "plan/host.h"
#include "plan/text.h"

#define SECOND INT64_C(1000000000)

/* Where the facts that are being added belong. */
struct topic {
	struct facts *out;
	struct fact about; /* its `what` and `value` are not set */
};

static void fact_add(struct topic *t, const char *what, const char *value)
{
	struct arena *a = t->out->arena;
	struct fact *fact = arena_alloc(a, sizeof(*fact));
	char *key = arena_printf(a, "%u%s\n%s\n%s\n%s\n%s", t->about.port,
				 t->about.udp ? "/udp" : "", t->about.scopes, t->about.rule,
				 t->about.destination, what);

	*fact = t->about;
	fact->what = arena_strdup(a, what);
	fact->value = arena_strdup(a, value);
	strmap_put(&t->out->map, key, fact);
}

/* ---- leaves of JSON ---- */

/* Where something was written is no fact about what it does. */
static bool is_origin(const char *key)
{
	return !strcmp(key, "from") || !strcmp(key, "place") || !strcmp(key, "findings");
}

static void leaf_add(struct topic *t, const char *path, const json_t *value)
{
	char *text = json_is_string(value) ? xstrdup(json_string_value(value))
					   : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	fact_add(t, path, text);
	free(text);
}

static void leaves_add(struct topic *t, const char *path, const json_t *value)
{
	const char *key;
	json_t *it;
	size_t i;
	void *n;

	if (json_is_object(value)) {
		json_object_foreach_safe((json_t *)value, n, key, it) {
			char *below = xasprintf("%s%s%s", path, *path ? "." : "", key);

			if (!is_origin(key))
				leaves_add(t, below, it);
			free(below);
		}
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, it) {
			char *below = xasprintf("%s[%zu]", path, i);

			leaves_add(t, below, it);
			free(below);
		}
	} else {
		leaf_add(t, path, value);
	}
}

void facts_of_json(const json_t *value, const char *host, struct facts *out)
{
	struct topic t = {.out = out, .about = {.host = host, .scopes = "", .rule = "",
						.destination = ""}};

	memset(out, 0, sizeof(*out));
	out->arena = arena_new();
	leaves_add(&t, "", value);
}

/* ---- destinations ---- */

static void endpoint_add(struct topic *t, const struct plan_endpoint *e)
{
	char text[INET_TEXT + 8], what[2 * INET_TEXT + 32], weight[64];
	size_t n = snprintf(what, sizeof(what), "endpoint");

	if (e->has_ipv4)
		n += snprintf(what + n, sizeof(what) - n, " %s",
			      inet_print_port(&e->ipv4, e->port, text));
	if (e->has_ipv6)
		snprintf(what + n, sizeof(what) - n, " %s",
			 inet_print_port(&e->ipv6, e->port, text));
	n = (size_t)snprintf(weight, sizeof(weight), "weight %u", e->weight);
	if (e->priority)
		n += (size_t)snprintf(weight + n, sizeof(weight) - n, ", priority %u", e->priority);
	if (e->share != e->weight)
		snprintf(weight + n, sizeof(weight) - n, ", share %u", e->share);
	fact_add(t, what, weight);
}

/* 0: nothing is said. */
static void number_add(struct topic *t, const char *what, uint32_t n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	if (n)
		fact_add(t, what, text);
}

static void policy_add(struct topic *t, const struct plan_cluster *c)
{
	json_t *settings = json_of_policy(&c->full);
	char time[32];

	fact_add(t, "policy", policy_name(c->policy));
	number_add(t, "max connections per node", c->max_connections);
	if (c->affinity)
		fact_add(t, "affinity", duration_print(c->affinity * SECOND, time));
	if (json_object_get(settings, "connection_pool")) /* said above */
		json_object_del(json_object_get(settings, "connection_pool"), "max_connections");
	leaves_add(t, "", settings);
	json_decref(settings);
}

static void split_add(const struct topic *of, const struct plan_split *s, uint32_t total)
{
	const struct plan_cluster *c = s->cluster;
	struct topic t = *of;
	char share[32], percent[16], text[64];

	t.about.cluster = c;
	t.about.destination = arena_printf(of->out->arena, "%s%s%s:%u", c->subset,
					   *c->subset ? " " : "", c->host, c->port);
	snprintf(text, sizeof(text), "%s (%s)", percent_print((double)s->weight / total, percent),
		 share_print(s->weight, total, share));
	fact_add(&t, "share", text);
	if (c->unknown)
		fact_add(&t, "refused", c->unknown);
	else
		policy_add(&t, c);
	for (size_t i = 0; i < c->nr_endpoints; i++)
		endpoint_add(&t, &c->endpoints[i]);
}

static void route_add(const struct topic *of, const struct plan_route *r)
{
	for (size_t i = 0; i < r->nr_splits; i++)
		split_add(of, &r->splits[i], r->total);
}

/* ---- rules ---- */

static void rule_add(const struct topic *of, const struct plan_rule *r, size_t number)
{
	json_t *all = json_of_rule(r);
	struct topic t = *of;
	char at[24];

	t.about.rule = r->name;
	snprintf(at, sizeof(at), "%zu", number);
	fact_add(&t, "place among the rules", at);
	json_object_del(all, "route"); /* as shares below */
	json_object_del(all, "name");
	json_object_del(all, "because");
	leaves_add(&t, "", all);
	json_decref(all);
	route_add(&t, &r->route);
}

static void sni_add(const struct topic *of, const struct plan_sni *s)
{
	struct topic t = *of;

	t.about.rule = s->from.field;
	for (size_t i = 0; i < s->nr_hosts; i++)
		fact_add(&t, s->hosts[i], "server name");
	route_add(&t, &s->route);
}

/* ---- ports ---- */

static void wishes_add(struct topic *t, const struct plan_port *port)
{
	char text[64];

	number_add(t, "node port", port->node_port);
	if (port->drain.how != DRAIN_KEEP)
		fact_add(t, "drain", drain_print(&port->drain, text));
	snprintf(text, sizeof(text), "connect-failure>%u%%/%u", port->guard.percent,
		 port->guard.window);
	if (port->guard.percent)
		fact_add(t, "guard", text);
	if (port->splice)
		fact_add(t, "splice", "on");
}

/* Of some addresses, and of callers from outside: each as a rule of its own. */
static void branches_add(const struct topic *of, const struct plan_port *port)
{
	char text[INET_TEXT];
	struct topic t = *of;

	for (size_t i = 0; i < port->nr_branches; i++) {
		const struct plan_branch *b = &port->branches[i];

		inet_print_cidr(&b->subnet.address, b->subnet.prefix, text);
		t.about.rule = arena_printf(of->out->arena, "to %s", text);
		fact_add(&t, "route", arena_printf(of->out->arena, "%s %s", b->route.object,
						   b->route.name));
		route_add(&t, &b->route);
	}
	t.about.rule = "from outside";
	if (port->outside_route)
		route_add(&t, port->outside_route);
}

static void port_add(const struct topic *of, const struct plan_port *port)
{
	const struct plan_route *r = &port->route;
	struct topic t = *of;
	char *text;

	t.about.port = port->port;
	t.about.udp = port->protocol == PROTOCOL_UDP;
	text = xasprintf("%s%s%s", verdict_name(port->verdict), *port->because ? " because " : "",
			 port->because);
	fact_add(&t, "verdict", text);
	free(text);
	text = xasprintf("%s%s%s", r->object, *r->object ? " " : "", r->nr_splits ? r->name : "refused");
	if (port->verdict != VERDICT_UNTOUCHED)
		fact_add(&t, port->verdict == VERDICT_PROXY ? "without the proxy" : "route", text);
	free(text);
	wishes_add(&t, port);
	branches_add(&t, port);
	if (!plan_port_walked(port) || (!port->nr_rules && !port->nr_snis)) {
		route_add(&t, r);
		return;
	}
	for (size_t i = 0; i < port->nr_rules; i++)
		rule_add(&t, &port->rules[i], i + 1);
	for (size_t i = 0; i < port->nr_snis; i++)
		sni_add(&t, &port->snis[i]);
	if (!*plan_bytes_object(port))
		return;
	t.about.rule = port->bytes.name;
	route_add(&t, &port->bytes);
}

static char *scopes_text(struct arena *a, const struct plan_view *v)
{
	char *text = arena_strdup(a, "");

	for (size_t i = 0; i < v->nr_scopes; i++)
		text = arena_printf(a, "%s%s%s", text, i ? ", " : "", v->scopes[i]);
	return text;
}

static void addresses_add(struct topic *t, const struct plan_host *h)
{
	char text[INET_TEXT], what[INET_TEXT + 16];

	for (size_t i = 0; i < h->nr_addresses; i++) {
		snprintf(what, sizeof(what), "address %s", inet_print(&h->addresses[i], text));
		fact_add(t, what, h->allocated ? "allocated" : "given");
	}
	for (size_t i = 0; i < h->nr_subnets; i++) {
		inet_print_cidr(&h->subnets[i].address, h->subnets[i].prefix, text);
		snprintf(what, sizeof(what), "addresses %s", text);
		fact_add(t, what, "given");
	}
	for (size_t i = 0; i < h->nr_outside; i++) {
		snprintf(what, sizeof(what), "address for outside %s",
			 inet_print(&h->outside[i], text));
		fact_add(t, what, "given");
	}
	if (h->outside_local)
		fact_add(t, "from outside", "to endpoints on the node alone");
}

void facts_of_host(const struct plan_host *h, struct facts *out)
{
	struct topic t = {.out = out, .about = {.host = h->host, .scopes = "", .rule = "",
						.destination = ""}};

	memset(out, 0, sizeof(*out));
	out->arena = arena_new();
	addresses_add(&t, h);
	if (!h->visible)
		fact_add(&t, "from everyone else", "not there");
	for (size_t i = 0; i < h->nr_ports && h->visible; i++)
		port_add(&t, &h->ports[i]);
	for (size_t i = 0; i < h->nr_views; i++) {
		const struct plan_view *v = &h->views[i];

		t.about.scopes = scopes_text(out->arena, v);
		fact_add(&t, "service", v->visible ? "there" : "not there");
		for (size_t j = 0; j < v->nr_ports && v->visible; j++)
			port_add(&t, &v->ports[j]);
	}
}

void facts_free(struct facts *f)
{
	strmap_free(&f->map);
	arena_free(f->arena);
}
