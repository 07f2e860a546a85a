// SPDX-License-Identifier: GPL-2.0
/* Servers of all Gateways of a workload by port: who shares one, and who comes too late. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "plan/listener.h"

const char *source_text(struct edge *e, const struct plan_source *s)
{
	struct arena *a = e->out->part->arena;

	if (!s->place.file)
		return arena_printf(a, "%s %s", s->object->id, s->field);
	return arena_printf(a, "%s %s (%s:%u)", s->object->id, s->field, s->place.file,
			    s->place.line);
}

/* ---- kinds ---- */

static enum server_kind kind_of(const struct gateway_server *s)
{
	enum server_tls_mode mode = s->tls ? s->tls->mode : SERVER_TLS_PASSTHROUGH;

	if (protocol_is_http(s->protocol))
		return SERVER_HTTP;
	if (!protocol_is_tls(s->protocol))
		return SERVER_TCP;
	if (mode == SERVER_TLS_PASSTHROUGH || mode == SERVER_TLS_AUTO_PASSTHROUGH)
		return SERVER_PASSTHROUGH;
	return s->protocol == PROTOCOL_HTTPS ? SERVER_HTTPS : SERVER_TLS;
}

static enum listener_kind listener_kind_of(enum server_kind kind)
{
	return kind == SERVER_HTTP  ? LISTENER_HTTP
	       : kind == SERVER_TCP ? LISTENER_TCP
				    : LISTENER_TLS;
}

/* ---- ports ---- */

/* A container's port by its name, 0: none. */
static uint16_t port_named(const struct object *pod, const char *name)
{
	for (size_t i = 0; pod && i < pod->pod.nr_ports; i++)
		if (!strcmp(pod->pod.ports[i].name, name))
			return pod->pod.ports[i].port;
	return 0;
}

static uint16_t target_of(const struct edge *e, const struct service_port *port)
{
	uint16_t named = port->target_name ? port_named(e->out->pod, port->target_name) : 0;

	return port->target_name ? named : port->target_port;
}

/* What the workload opens for `port`: the first Service before it that has the port says so. */
static uint16_t target_port(const struct edge *e, uint16_t port)
{
	const struct labels *labels = e->out->pod ? &e->out->pod->labels : &e->out->labels;
	const struct object *first = NULL;
	struct strmap_entry *entry;
	uint16_t target = 0;

	strmap_each(&e->p.set->kinds[KIND_SERVICE], entry) {
		const struct object *o = entry->value;
		const struct labels *selector = selector_of(o);

		if (!selector || strcmp(o->namespace, e->out->namespace) ||
		    !labels_contain(labels, selector) || (first && object_order(o, first) > 0))
			continue;
		for (size_t i = 0; i < o->service.nr_ports; i++) {
			if (o->service.ports[i].port != port)
				continue;
			first = o;
			target = target_of(e, &o->service.ports[i]);
		}
	}
	return target ? target : port;
}

static struct plan_listener *listener_at(struct edge *e, uint16_t port, const char *bind)
{
	struct plan_listener *l;

	vec_each(&e->out->listeners, l)
		if (l->port == port && !strcmp(l->bind, bind))
			return l;
	return NULL;
}

static const char *listener_text(struct edge *e, const struct plan_listener *l)
{
	if (!l->port)
		return l->bind;
	return arena_printf(e->out->part->arena, "port %u%s%s", l->port, *l->bind ? " of " : "",
			    l->bind);
}

/* ---- clashes ---- */

static void clash_tell(struct edge *e, const struct plan_server *s, const char *what,
		       const struct plan_server *with)
{
	host_find(&e->p, DIAG_WARNING, &s->from.place, s->from.object, s->from.field,
		  "is passed over: %s %s", what, source_text(e, &with->from));
}

/* A host that two servers on one port have cannot be told apart by its server name. */
static bool hosts_clash(struct edge *e, const struct plan_listener *l, const struct plan_server *s,
			const struct plan_server *with)
{
	for (size_t i = 0; i < s->nr_hosts; i++)
		for (size_t j = 0; j < with->nr_hosts; j++) {
			if (strcmp(s->hosts[i].host, with->hosts[j].host))
				continue;
			clash_tell(e, s,
				   arena_printf(e->out->part->arena,
						"host %s on %s is already that of",
						s->hosts[i].host, listener_text(e, l)),
				   with);
			return true;
		}
	return false;
}

static bool server_clashes(struct edge *e, const struct plan_listener *l,
			   const struct plan_server *s)
{
	static const char *const names[] = {
		[LISTENER_HTTP] = "plaintext HTTP", [LISTENER_TLS] = "TLS", [LISTENER_TCP] = "TCP"};
	const struct plan_server *with;

	if (l->kind != listener_kind_of(s->kind) || l->kind == LISTENER_TCP) {
		clash_tell(e, s,
			   arena_printf(e->out->part->arena, "%s already carries %s by",
					listener_text(e, l), names[l->kind]),
			   &l->servers.at[0]);
		return true;
	}
	if (l->kind == LISTENER_TLS)
		vec_each(&l->servers, with)
			if (hosts_clash(e, l, s, with))
				return true;
	return false;
}

void server_add(struct edge *e, struct plan_server *s, uint16_t port, const char *bind)
{
	struct plan_listener *l = listener_at(e, port, bind);

	if (l && server_clashes(e, l, s))
		return;
	if (!l) {
		struct plan_listener new = {.port = port, .bind = bind,
					    .kind = listener_kind_of(s->kind),
					    .target_port = target_port(e, port)};

		vec_push(&e->out->listeners, new);
		l = &e->out->listeners.at[e->out->listeners.nr - 1];
	}
	credentials_find(e, s);
	vec_push(&l->servers, *s);
}

void gateway_servers_add(struct edge *e, const struct object *gateway)
{
	for (size_t i = 0; i < gateway->gateway.nr_servers; i++) {
		const struct gateway_server *from = &gateway->gateway.servers[i];
		struct plan_server s = {
			.from = {gateway, from->path, from->place},
			.kind = kind_of(from),
			.hosts = from->hosts,
			.nr_hosts = from->nr_hosts,
			.tls = from->tls,
		};

		server_add(e, &s, from->port, from->bind);
	}
}

/* ---- what is sent where ---- */

static int listener_order(const void *a, const void *b)
{
	const struct plan_listener *x = a, *y = b;

	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return strcmp(x->bind, y->bind);
}

static void listener_route(struct edge *e, struct plan_listener *l)
{
	struct plan_server *s;

	if (l->kind == LISTENER_HTTP) {
		vhosts_build(e, l->servers.at, l->servers.nr, l->port, &l->vhosts);
		return;
	}
	vec_each(&l->servers, s) {
		if (s->kind == SERVER_HTTPS)
			vhosts_build(e, s, 1, l->port, &s->vhosts);
		else if (s->kind == SERVER_PASSTHROUGH)
			server_sni_build(e, l, s);
		else
			server_tcp_build(e, s, l->port);
	}
}

void listeners_route(struct edge *e)
{
	struct plan_listener *l;

	if (e->out->listeners.nr > 1)
		qsort(e->out->listeners.at, e->out->listeners.nr, sizeof(*l), listener_order);
	vec_each(&e->out->listeners, l)
		listener_route(e, l);
}
