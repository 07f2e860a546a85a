// SPDX-License-Identifier: GPL-2.0
/* Walks the ports of a plan, once for everyone and once for each view. */
#include "agent/sights.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/wire.h"

/* Whether the Service or ServiceEntry of a host lies in the namespace that was asked for. */
static bool in_namespace(const char *id, const json_t *request)
{
	const char *wanted = request_text(request, "namespace"), *at = strchr(id, '/');
	size_t length;

	if (!wanted)
		return true;
	length = at ? strcspn(++at, "/") : 0;
	return strlen(wanted) == length && !strncmp(wanted, at, length);
}


static struct sight sight_of(const struct plan_host *h, const struct plan_view *v)
{
	if (v)
		return (struct sight){h, v, v->id, v->addresses, v->nr_addresses, v->ports,
				      v->visible ? v->nr_ports : 0};
	return (struct sight){h, NULL, h->id, h->addresses, h->nr_addresses, h->ports,
			      h->visible ? h->nr_ports : 0};
}

void port_each(struct agent *a, const json_t *request,
	       void (*each)(struct agent *a, const struct sight *s, const struct plan_port *port,
			    void *arg),
	       void *arg)
{
	struct plan_host **hosts;
	size_t nr;

	hosts = plan_sorted(a->plan, &nr);
	for (size_t i = 0; i < nr; i++) {
		for (size_t v = 0; v <= hosts[i]->nr_views; v++) {
			struct sight s = sight_of(hosts[i], v ? &hosts[i]->views[v - 1] : NULL);

			for (size_t p = 0; in_namespace(s.id, request) && p < s.nr_ports; p++)
				each(a, &s, &s.ports[p], arg);
		}
	}
	free(hosts);
}

json_t *scopes_json(const char *const *scopes, size_t nr)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	json_t *json;

	for (size_t i = 0; i < nr; i++)
		fprintf(out, "%s%s", i ? ", " : "", scopes[i]);
	fclose(out);
	json = json_text(text);
	free(text);
	return json;
}
