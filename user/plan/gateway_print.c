// SPDX-License-Identifier: GPL-2.0
/* Gateways for people: a block a workload, below it ports, servers, and what they send where. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/gateway.h"
#include "plan/host.h"

const char *server_kind_name(enum server_kind kind)
{
	static const char *const names[] = {
		[SERVER_HTTP] = "http",		      [SERVER_HTTPS] = "https",
		[SERVER_TLS] = "tls",		      [SERVER_PASSTHROUGH] = "tls passthrough",
		[SERVER_TCP] = "tcp",
	};

	return names[kind];
}

const char *listener_kind_name(enum listener_kind kind)
{
	static const char *const names[] = {
		[LISTENER_HTTP] = "http", [LISTENER_TLS] = "tls", [LISTENER_TCP] = "tcp"};

	return names[kind];
}

const char *server_tls_name(enum server_tls_mode mode)
{
	static const char *const names[] = {
		[SERVER_TLS_PASSTHROUGH] = "PASSTHROUGH",
		[SERVER_TLS_SIMPLE] = "SIMPLE",
		[SERVER_TLS_MUTUAL] = "MUTUAL",
		[SERVER_TLS_AUTO_PASSTHROUGH] = "AUTO_PASSTHROUGH",
		[SERVER_TLS_ISTIO_MUTUAL] = "ISTIO_MUTUAL",
		[SERVER_TLS_OPTIONAL_MUTUAL] = "OPTIONAL_MUTUAL",
	};

	return names[mode];
}

const char *credential_state_name(enum credential_state state)
{
	static const char *const names[] = {
		[CREDENTIAL_FOUND] = "found",
		[CREDENTIAL_MISSING] = "missing",
		[CREDENTIAL_LACKS_KEY] = "lacks a key",
	};

	return names[state];
}

/* ---- servers ---- */

static void vhosts_print(const struct plan_vhosts *v, const char *indent, FILE *out)
{
	char *inside = xasprintf("%s  ", indent);
	const struct plan_vhost *host;

	vec_each(&v->list, host) {
		fprintf(out, "%s%s%s\n", indent, host->domain,
			host->https_redirect ? "  redirect 301 to https" : "");
		for (size_t i = 0; !host->https_redirect && i < host->rules.nr; i++)
			rule_print(&host->rules.at[i], i + 1, "", inside, out);
	}
	if (!v->list.nr)
		fprintf(out, "%sno http route: every request is answered 404\n", indent);
	free(inside);
}

static void tls_print(const struct plan_server *s, FILE *out)
{
	if (!s->tls || s->kind == SERVER_HTTP || s->tls->mode == SERVER_TLS_PASSTHROUGH)
		return;
	fprintf(out, " %s", server_tls_name(s->tls->mode));
	for (size_t i = 0; i < s->nr_credentials; i++)
		fprintf(out, ", Secret %s %s", s->credentials[i].name,
			credential_state_name(s->credentials[i].state));
	for (size_t i = 0; i < s->tls->nr_pairs; i++)
		fprintf(out, ", file %s", s->tls->pairs[i].certificate);
}

static void hosts_print(const struct plan_server *s, FILE *out)
{
	for (size_t i = 0; i < s->nr_hosts; i++) {
		const struct gateway_host *h = &s->hosts[i];
		bool any = !strcmp(h->namespace, "*");

		fprintf(out, "%s%s%s%s", i ? ", " : "  ", any ? "" : h->namespace, any ? "" : "/",
			h->host);
	}
}

static void bytes_print(const struct plan_server *s, const char *indent, FILE *out)
{
	if (!s->route_from.object) {
		fprintf(out, "%sno tcp route: connections are closed\n", indent);
		return;
	}
	fprintf(out, "%sroute %s %s\n", indent, s->route_from.object->id, s->route_from.field);
	route_print(&s->route, "", indent, out);
}

static void server_print(const struct plan_server *s, FILE *out)
{
	fprintf(out, "    %s %s %s", s->from.object->id, s->from.field, server_kind_name(s->kind));
	tls_print(s, out);
	hosts_print(s, out);
	fputc('\n', out);
	switch (s->kind) {
	case SERVER_HTTP:
		break;
	case SERVER_HTTPS:
		vhosts_print(&s->vhosts, "      ", out);
		break;
	case SERVER_PASSTHROUGH:
		for (size_t i = 0; i < s->snis.nr; i++)
			sni_print(&s->snis.at[i], i + 1, "", "      ", out);
		if (s->tls->mode == SERVER_TLS_AUTO_PASSTHROUGH)
			fprintf(out, "      to the destination that the server name spells\n");
		else if (!s->snis.nr)
			fprintf(out, "      no tls route: connections are closed\n");
		break;
	case SERVER_TLS:
	case SERVER_TCP:
		bytes_print(s, "      ", out);
		break;
	}
}

/* ---- workloads ---- */

static void listener_print(const struct plan_listener *l, FILE *out)
{
	const struct plan_server *s;

	if (l->port)
		fprintf(out, "  :%u", l->port);
	else
		fprintf(out, "  %s", l->bind);
	if (l->port && *l->bind)
		fprintf(out, " on %s", l->bind);
	fprintf(out, " %s", listener_kind_name(l->kind));
	if (l->target_port != l->port)
		fprintf(out, "  as port %u of the workload", l->target_port);
	fputc('\n', out);
	vec_each(&l->servers, s)
		server_print(s, out);
	if (l->kind != LISTENER_HTTP)
		return;
	if (l->servers.nr > 1)
		fprintf(out, "    these servers together\n");
	vhosts_print(&l->vhosts, "      ", out);
}

bool gateways_print(const struct plan_gateways *g, const char *namespace, bool first, FILE *out)
{
	for (size_t i = 0; g && i < g->list.nr; i++) {
		const struct plan_gateway *at = g->list.at[i];
		const struct plan_listener *l;

		if (namespace && strcmp(at->namespace, namespace))
			continue;
		fprintf(out, "%s%s%s  in namespace %s\n", first ? "" : "\n",
			at->labels.nr ? "gateway " : "", at->key, at->namespace);
		vec_each(&at->listeners, l)
			listener_print(l, out);
		first = false;
	}
	return first;
}
