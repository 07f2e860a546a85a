// SPDX-License-Identifier: GPL-2.0
/* Which VirtualServices a Gateway has, in which order, and which of their hosts it takes. */
#include <stdlib.h>
#include <string.h>
#include "config/names.h"
#include "plan/listener.h"
#include "plan/visible.h"

void bindings_find(const struct objects *services, struct strmap *out)
{
	struct object *const *o;

	memset(out, 0, sizeof(*out));
	vec_each(&services->list, o)
		for (size_t i = 0; i < (*o)->virtual_service.nr_gateways; i++) {
			const char *gateway = (*o)->virtual_service.gateways[i];
			struct objects *bag = strmap_get(out, gateway);

			if (!bag) {
				bag = xcalloc(1, sizeof(*bag));
				strmap_put(out, gateway, bag);
			}
			/* a gateway that is named twice is one */
			if (!bag->list.nr || bag->list.at[bag->list.nr - 1] != *o)
				vec_push(&bag->list, *o);
		}
}

void bindings_free(struct strmap *bound)
{
	struct strmap_entry *e;

	strmap_each(bound, e) {
		struct objects *bag = e->value;

		vec_free(&bag->list);
		free(bag);
	}
	strmap_free(bound);
}

/* ---- the order they are asked in ---- */

static void invisible_tell(struct edge *e, const struct object *service)
{
	host_find(&e->p, DIAG_WARNING, &service->place, service, "spec.exportTo",
		  "leaves out namespace %s, that of %s%s: it has no effect there",
		  e->out->namespace, e->out->labels.nr ? "gateway " : "", e->out->key);
}

void candidates_of(struct edge *e, const struct object *gateway, struct objects *out)
{
	const struct objects *bag;
	char key[INDEX_KEY];

	memset(out, 0, sizeof(*out));
	bag = strmap_get(e->bound, index_key_name(key, gateway->namespace, gateway->name));
	for (int rank = 0; bag && rank < 3; rank++)
		for (size_t i = 0; i < bag->list.nr; i++) {
			struct object *o = bag->list.at[i];

			if (!object_is_for(&e->p, o))
				invisible_tell(e, o);
			else if (routes_rank(&e->p, o) == rank)
				vec_push(&out->list, o);
		}
}

/* ---- hosts ---- */

const char *host_meets(const struct gateway_host *host, const char *name, const char *namespace)
{
	if (strcmp(host->namespace, "*") && strcmp(host->namespace, namespace))
		return NULL;
	if (name_covers(host->host, name))
		return name;
	return name_covers(name, host->host) ? host->host : NULL;
}

static bool service_meets(const struct object *service, const struct object *gateway)
{
	const struct virtual_service *vs = &service->virtual_service;

	for (size_t i = 0; i < gateway->gateway.nr_servers; i++) {
		const struct gateway_server *s = &gateway->gateway.servers[i];

		for (size_t j = 0; j < s->nr_hosts * vs->nr_hosts; j++)
			if (host_meets(&s->hosts[j / vs->nr_hosts], vs->hosts[j % vs->nr_hosts],
				       service->namespace))
				return true;
	}
	return false;
}

static void binding_check(struct planner *p, const struct object *service, const char *gateway)
{
	const char *slash = strchr(gateway, '/');
	const struct object *o;
	char *namespace;

	if (!slash)
		return;
	namespace = xstrndup(gateway, (size_t)(slash - gateway));
	o = config_set_get(p->set, KIND_GATEWAY, namespace, slash + 1);
	free(namespace);
	if (!o)
		host_find(p, DIAG_WARNING, &service->place, service, "spec.gateways",
			  "there is no Gateway %s; it has no effect there", gateway);
	else if (!service_meets(service, o))
		host_find(p, DIAG_WARNING, &service->place, service, "spec.hosts",
			  "meet no server of %s that takes namespace %s; it has no effect there",
			  o->id, service->namespace);
}

void bindings_check(struct planner *p, const struct objects *services)
{
	struct object *const *o;

	vec_each(&services->list, o)
		for (size_t i = 0; i < (*o)->virtual_service.nr_gateways; i++)
			if ((*o)->virtual_service.nr_hosts)
				binding_check(p, *o, (*o)->virtual_service.gateways[i]);
}
