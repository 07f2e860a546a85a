/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A host that no service has and a VirtualService names. Connections to it pass as dialled; a request
 * with that Host on a connection which another host brought to the proxy takes its routes. The owner
 * of such a host is the VirtualService.
 */
#ifndef PLAN_NAMED_H
#define PLAN_NAMED_H

#include "plan/ports.h"

bool is_named(const struct object *owner);
/* The VirtualService that names `host` for p->caller; NULL: none, or a service has a host of it. */
struct object *named_dialled(const struct planner *p, const char *host);
/* The first one that names it, whoever sees it. */
struct object *named_first(const struct planner *p, const char *host);
/* What p->caller sees of p->host, which p->owner names. */
void named_build(struct planner *p, struct ports *out);
/* Says what the names are good for, once the host is planned. */
void named_tell(struct planner *p);

#endif
