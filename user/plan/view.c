// SPDX-License-Identifier: GPL-2.0
/* Which part of a host the callers of a scope see. */
#include <string.h>
#include "plan/host.h"

const struct plan_view *view_find(const struct plan_host *h, const struct plan_scope *scope)
{
	for (size_t i = 0; scope && i < h->nr_views; i++)
		for (size_t j = 0; j < h->views[i].nr_scopes; j++)
			if (!strcmp(h->views[i].scopes[j], scope->key))
				return &h->views[i];
	return NULL;
}

bool plan_view_of(const struct plan_host *h, const struct plan_scope *scope,
		  const struct plan_port **ports, size_t *nr)
{
	const struct plan_view *v = view_find(h, scope);
	bool visible = v ? v->visible : h->visible && !(scope && scope->closed);

	*ports = v ? v->ports : h->ports;
	*nr = visible ? (v ? v->nr_ports : h->nr_ports) : 0;
	return visible;
}
