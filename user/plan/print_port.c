// SPDX-License-Identifier: GPL-2.0
/* Ports for people: what becomes of their connections, their rules and routes. */
#include <stdio.h>
#include <stdlib.h>
#include "plan/host.h"
#include "plan/text.h"

/* ---- rules ---- */

void rule_print(const struct plan_rule *r, size_t number, const char *host, const char *indent,
		FILE *out)
{
	char *inside = xasprintf("%s   ", indent);

	fprintf(out, "%s%zu. ", indent, number);
	for (size_t i = 0; i < r->nr_matches; i++) {
		char *text = match_text(&r->matches[i].http);

		fprintf(out, "%s%s", i ? ", or " : "", text);
		free(text);
	}
	fprintf(out, "%s   route %s%s%s", r->nr_matches ? "" : "always",
		r->from.object ? r->from.object->id : "", r->from.object ? " " : "", r->name);
	if (r->delegate.object)
		fprintf(out, " from %s %s", r->delegate.object->id, r->delegate.field);
	fputc('\n', out);
	actions_print(r, inside, out);
	route_print(&r->route, host, inside, out);
	free(inside);
}

void sni_print(const struct plan_sni *s, size_t number, const char *host, const char *indent,
	       FILE *out)
{
	char *inside = xasprintf("%s   ", indent);

	fprintf(out, "%s%zu. server name", indent, number);
	for (size_t i = 0; i < s->nr_hosts; i++)
		fprintf(out, "%s %s", i ? " or" : "", s->hosts[i]);
	fprintf(out, "   route %s %s\n", s->from.object->id, s->from.field);
	route_print(&s->route, host, inside, out);
	free(inside);
}

static void snis_print(const struct plan_port *port, const char *host, const char *indent, FILE *out)
{
	for (size_t i = 0; i < port->nr_snis; i++)
		sni_print(&port->snis[i], i + 1, host, indent, out);
}

/* ---- ports ---- */

static void bytes_print(const struct plan_port *port, const char *host, const char *indent,
			FILE *out)
{
	char *inside = xasprintf("%s   ", indent);

	if (*plan_bytes_object(port)) {
		fprintf(out, "%swhat is no http   route %s %s\n", indent, port->bytes.object,
			port->bytes.name);
		route_print(&port->bytes, host, inside, out);
	}
	free(inside);
}

/* What the kernel does while no proxy takes the connections. */
static void failure_print(const struct plan_port *port, const char *indent, FILE *out)
{
	fprintf(out, "%swithout the proxy: ", indent);
	if (port->on_failure == FAILURE_REFUSE || !port->route.nr_splits)
		fprintf(out, "refused%s%s\n", *port->refuse_because ? ", " : "",
			port->refuse_because);
	else
		fprintf(out, "bypass by route %s%s%s\n", port->route.object,
			*port->route.object ? " " : "", port->route.name);
}

/* What becomes of its connections besides being routed. */
static void wishes_print(const struct plan_port *port, FILE *out)
{
	char drain[32];

	if (port->node_port)
		fprintf(out, "   node port %u", port->node_port);
	if (port->drain.how != DRAIN_KEEP)
		fprintf(out, "   drain %s", drain_print(&port->drain, drain));
	if (port->guard.percent)
		fprintf(out, "   guard connect-failure>%u%%/%u", port->guard.percent,
			port->guard.window);
	if (port->splice)
		fputs("   splice", out);
}

static void outside_print(const struct plan_port *port, const char *host, const char *indent,
			  FILE *out)
{
	char *inside = xasprintf("%s  ", indent);

	if (port->outside_route) {
		fprintf(out, "%sfrom outside\n", indent);
		route_print(port->outside_route, host, inside, out);
	}
	free(inside);
}

static void branches_print(const struct plan_port *port, const char *host, const char *indent,
			   FILE *out)
{
	char *inside = xasprintf("%s  ", indent), text[INET_TEXT];

	for (size_t i = 0; i < port->nr_branches; i++) {
		const struct plan_branch *b = &port->branches[i];

		fprintf(out, "%sto %s   route %s %s\n", indent,
			inet_print_cidr(&b->subnet.address, b->subnet.prefix, text),
			b->route.object, b->route.name);
		route_print(&b->route, host, inside, out);
	}
	free(inside);
}

void port_print(const struct plan_port *port, const char *host, const char *indent, FILE *out)
{
	char *inside = xasprintf("%s  ", indent);

	fprintf(out, "%s:%u %s  %s", indent, port->port, protocol_name(port->protocol),
		verdict_name(port->verdict));
	if (port->verdict == VERDICT_UNTOUCHED)
		fprintf(out, " (passthrough)");
	if (*port->because)
		fprintf(out, " because %s", port->because);
	if (port->route.nr_splits && port->verdict != VERDICT_PROXY)
		fprintf(out, "   route %s%s%s", port->route.object, *port->route.object ? " " : "",
			port->route.name);
	if (port->host_only)
		fprintf(out, "   from the host only");
	wishes_print(port, out);
	fputc('\n', out);
	for (size_t i = 0; plan_port_walked(port) && i < port->nr_rules; i++)
		rule_print(&port->rules[i], i + 1, host, inside, out);
	if (port->verdict == VERDICT_PROXY) {
		snis_print(port, host, inside, out);
		bytes_print(port, host, inside, out);
		failure_print(port, inside, out);
		if (!port->nr_rules && !port->nr_snis)
			route_print(&port->route, host, inside, out);
	} else {
		route_print(&port->route, host, inside, out);
	}
	branches_print(port, host, inside, out);
	outside_print(port, host, inside, out);
	free(inside);
}
