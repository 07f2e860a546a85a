// SPDX-License-Identifier: GPL-2.0
/* Servers whose bytes pass as they are: one tcp route takes all, tls routes go by server name. */
#include <string.h>
#include "plan/listener.h"
#include "plan/rule.h"

static struct vantage vantage_of(const struct object *gateway, uint16_t port,
				 char name[INDEX_KEY])
{
	return (struct vantage){index_key_name(name, gateway->namespace, gateway->name), port};
}

static struct plan_source route_source(const struct object *vs, const struct vs_route *route)
{
	return (struct plan_source){vs, route->path, route->place};
}

static bool service_meets(const struct plan_server *s, const struct object *service)
{
	const struct virtual_service *vs = &service->virtual_service;

	for (size_t i = 0; i < s->nr_hosts * vs->nr_hosts; i++)
		if (host_meets(&s->hosts[i / vs->nr_hosts], vs->hosts[i % vs->nr_hosts],
			       service->namespace))
			return true;
	return false;
}

/* ---- tcp ---- */

static bool tcp_route_applies(struct edge *e, const struct vs_route *route,
			      const struct vantage *from)
{
	for (size_t i = 0; i < route->nr_matches; i++)
		if (!l4_match_misses(&e->p, &route->matches[i], from))
			return true;
	return !route->nr_matches;
}

static bool tcp_route_take(struct edge *e, struct plan_server *s, const struct object *service,
			   uint16_t port)
{
	const struct reach reach = {.layer = LAYER_TCP, .listener = port};
	const struct virtual_service *vs = &service->virtual_service;
	char name[INDEX_KEY];
	struct vantage from = vantage_of(s->from.object, port, name);

	for (size_t i = 0; i < vs->nr_tcp; i++) {
		if (!tcp_route_applies(e, &vs->tcp[i], &from))
			continue;
		split_build(&e->p, &s->route, service, &vs->tcp[i], &reach);
		s->route_from = route_source(service, &vs->tcp[i]);
		return true;
	}
	return false;
}

void server_tcp_build(struct edge *e, struct plan_server *s, uint16_t port)
{
	struct objects services;

	candidates_of(e, s->from.object, &services);
	for (size_t i = 0; i < services.list.nr; i++) {
		struct object *o = services.list.at[i];

		if (!service_meets(s, o) || !tcp_route_take(e, s, o, port))
			continue;
		host_use(&e->p, o);
		break;
	}
	vec_free(&services.list);
}

/* ---- tls ---- */

/* The server names of a match that the server takes, the narrower one of each pair. */
static void names_meet(struct edge *e, const struct plan_server *s, const struct object *service,
		       const struct route_match *m, struct plan_sni *out)
{
	out->hosts = arena_alloc(e->out->part->arena,
				 m->nr_sni_hosts * s->nr_hosts * sizeof(out->hosts[0]));
	for (size_t i = 0; i < m->nr_sni_hosts * s->nr_hosts; i++) {
		const char *name = host_meets(&s->hosts[i % s->nr_hosts],
					      m->sni_hosts[i / s->nr_hosts], service->namespace);
		bool found = !name;

		for (size_t j = 0; !found && j < out->nr_hosts; j++)
			found = !strcmp(out->hosts[j], name);
		if (!found)
			out->hosts[out->nr_hosts++] = name;
	}
}

/* Who has one of the names already on this port; NULL: nobody. */
static const struct plan_sni *name_owner(const struct plan_listener *l, const struct plan_sni *sni,
					 const char **name)
{
	struct plan_server *s;
	struct plan_sni *other;

	vec_each(&l->servers, s)
		vec_each(&s->snis, other)
			for (size_t i = 0; i < sni->nr_hosts * other->nr_hosts; i++) {
				*name = sni->hosts[i % sni->nr_hosts];
				if (!strcmp(*name, other->hosts[i / sni->nr_hosts]))
					return other;
			}
	return NULL;
}

static void match_add(struct edge *e, struct plan_listener *l, struct plan_server *s,
		      const struct object *service, const struct vs_route *route, size_t i)
{
	const struct reach reach = {.layer = LAYER_TCP, .listener = l->port};
	const struct route_match *m = &route->matches[i];
	const struct plan_sni *other;
	struct plan_sni sni = {.from = {.object = service, .place = m->place}};
	const char *name;

	sni.from.field = arena_printf(e->out->part->arena, "%s.match[%zu]", route->path, i);
	names_meet(e, s, service, m, &sni);
	if (!sni.nr_hosts)
		return;
	other = name_owner(l, &sni, &name);
	if (other) {
		host_find(&e->p, DIAG_WARNING, &m->place, service, sni.from.field,
			  "is passed over: server name %s on port %u is already that of %s", name,
			  l->port, source_text(e, &other->from));
		return;
	}
	split_build(&e->p, &sni.route, service, route, &reach);
	vec_push(&s->snis, sni);
}

static void service_sni_add(struct edge *e, struct plan_listener *l, struct plan_server *s,
			    struct object *service)
{
	const struct virtual_service *vs = &service->virtual_service;
	char name[INDEX_KEY];
	struct vantage from = vantage_of(s->from.object, l->port, name);

	if (!vs->nr_tls || !service_meets(s, service))
		return;
	host_use(&e->p, service);
	for (size_t i = 0; i < vs->nr_tls; i++)
		for (size_t j = 0; j < vs->tls[i].nr_matches; j++)
			if (!l4_match_misses(&e->p, &vs->tls[i].matches[j], &from))
				match_add(e, l, s, service, &vs->tls[i], j);
}

/* With AUTO_PASSTHROUGH the server name is the destination, no route counts. */
void server_sni_build(struct edge *e, struct plan_listener *l, struct plan_server *s)
{
	struct objects services;

	if (s->tls->mode == SERVER_TLS_AUTO_PASSTHROUGH)
		return;
	candidates_of(e, s->from.object, &services);
	for (size_t i = 0; i < services.list.nr; i++)
		service_sni_add(e, l, s, services.list.at[i]);
	vec_free(&services.list);
}
