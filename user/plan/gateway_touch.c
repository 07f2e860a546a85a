// SPDX-License-Identifier: GPL-2.0
/* What the gateways of a plan were built from, and so which changes they do not survive. */
#include "plan/listener.h"

/* ---- what they were built from ---- */

static void route_note(struct plan_gateways *all, const struct plan_route *r)
{
	for (size_t i = 0; i < r->nr_splits; i++)
		strmap_put(&all->hosts, r->splits[i].cluster->host, all);
}

static void vhosts_note(struct plan_gateways *all, const struct plan_vhosts *v)
{
	struct plan_vhost *host;
	struct plan_rule *r;

	vec_each(&v->list, host)
		vec_each(&host->rules, r) {
			route_note(all, &r->route);
			for (size_t i = 0; i < r->nr_mirrors; i++)
				strmap_put(&all->hosts, r->mirrors[i].cluster->host, all);
		}
}

void gateway_hosts_note(struct plan_gateways *all, const struct plan_gateway *g)
{
	struct plan_listener *l;
	struct plan_server *s;
	struct plan_sni *sni;

	vec_each(&g->listeners, l) {
		vhosts_note(all, &l->vhosts);
		vec_each(&l->servers, s) {
			vhosts_note(all, &s->vhosts);
			route_note(all, &s->route);
			vec_each(&s->snis, sni)
				route_note(all, &sni->route);
		}
	}
}

/* ---- what touches them ---- */

static bool workload_touched(const struct plan_gateway *g, const struct object *o)
{
	const struct labels *pod = g->pod ? &g->pod->labels : &g->labels, *selector;

	if (o->kind == KIND_POD)
		return g->labels.nr && labels_contain(&o->labels, &g->labels);
	selector = o->kind == KIND_SERVICE ? selector_of(o) : NULL;
	return selector && labels_contain(pod, selector);
}

static bool object_touches(const struct plan_gateways *g, const struct object *o)
{
	char key[INDEX_KEY];

	switch (o->kind) {
	case KIND_GATEWAY:
	case KIND_INGRESS:
	case KIND_INGRESS_CLASS:
		return true;
	case KIND_VIRTUAL_SERVICE: /* without hosts it is a delegate */
		return o->virtual_service.nr_gateways || !o->virtual_service.nr_hosts;
	case KIND_SECRET:
		return g && strmap_get(&g->secrets, index_key_name(key, o->namespace, o->name));
	case KIND_POD:
	case KIND_SERVICE:
		for (size_t i = 0; g && i < g->list.nr; i++)
			if (workload_touched(g->list.at[i], o))
				return true;
		return false;
	default:
		return false;
	}
}

bool gateways_touched(const struct plan_gateways *g, const struct changes *changes,
		      const struct strmap *hosts)
{
	struct strmap_entry *e;
	struct change *c;

	vec_each(&changes->list, c)
		if ((c->old && object_touches(g, c->old)) || (c->new && object_touches(g, c->new)))
			return true;
	strmap_each(hosts, e)
		if (g && strmap_get(&g->hosts, e->key))
			return true;
	return false;
}
