/* SPDX-License-Identifier: GPL-2.0 */
/* What a caller sees of the mesh: by exportTo of each object, and by its Sidecar. */
#ifndef PLAN_VISIBLE_H
#define PLAN_VISIBLE_H

#include "plan/host.h"

/* Whether exportTo of `o` lets p->caller use it. */
bool object_is_for(const struct planner *p, const struct object *o);
/* Whether the Sidecar of p->caller, if it has one, imports a host of an object in `namespace`. The
 * host may be a wildcard: then something of it is enough. */
bool sidecar_imports(const struct planner *p, const char *host, const char *namespace);
/* Whether it does so for this port. */
bool sidecar_opens(const struct planner *p, const char *host, const char *namespace, uint16_t port);
/* Whether a VirtualService is for p->caller: exported to it, and a host of it imported. */
bool routes_are_for(const struct planner *p, const struct object *vs);
/* An egress list that leaves anything of the mesh out. */
bool sidecar_is_closed(const struct sidecar *s);

/* The Service with that host; NULL: none. */
struct object *service_of(const struct config_set *set, const char *host);
/* All objects that have a host, whoever sees them. */
struct owners {
	VEC(struct object *) list;
};
/* vec_free(&out->list) */
void owners_find(const struct planner *p, const char *host, struct owners *out);
/* Whose it is first, whoever sees it; NULL: nobody has it. */
struct object *owner_first(const struct planner *p, const char *host);
/* The Service or ServiceEntry whose host p->caller reaches when it dials the name; NULL: none. */
struct object *owner_dialled(const struct planner *p, const char *host);

#endif
