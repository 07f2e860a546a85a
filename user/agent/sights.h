/* SPDX-License-Identifier: GPL-2.0 */
/* Hosts as each kind of callers sees them, for what lists them. */
#ifndef AGENT_SIGHTS_H
#define AGENT_SIGHTS_H

#include <jansson.h>
#include "plan/plan.h"

struct agent;

/* One way to see a host: everyone's, or that of some callers. */
struct sight {
	const struct plan_host *host;
	const struct plan_view *view; /* NULL: everyone's */
	const char *id;
	const struct inet *addresses;
	size_t nr_addresses;
	const struct plan_port *ports;
	size_t nr_ports;
};

/* Each port of the plan as each kind of callers sees it, in host order, everyone's first; of the
 * namespace that the request names, if it does. */
void port_each(struct agent *a, const json_t *request,
	       void (*each)(struct agent *a, const struct sight *s, const struct plan_port *port,
			    void *arg),
	       void *arg);
/* Keys of the callers, ", " between them; "": everyone who has no view of its own. */
json_t *scopes_json(const char *const *scopes, size_t nr);

#endif
