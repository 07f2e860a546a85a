/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of building a host: its addresses, its names, its ports for one caller, and its views. */
#ifndef PLAN_PORTS_H
#define PLAN_PORTS_H

#include "plan/asks.h"

/* ---- ports.c ---- */

struct addresses_given { /* from the arena of the host */
	struct inet *at;
	size_t nr;
	bool allocated;
};
/* Those that p->owner gives p->host. */
struct addresses_given addresses_given(struct planner *p);
/* Its ranges of them; from the arena of the host. */
struct subnet *subnets_given(struct planner *p, size_t *nr);

struct ports { /* from the arena of the host */
	struct plan_port *at;
	size_t nr;
};
/* What p->caller sees of p->host, which p->owner has for it. */
void ports_build(struct planner *p, struct ports *out);

/* ---- outside.c ---- */

/* Sets the addresses at which callers from outside of the node find p->host. */
void outside_set(struct planner *p);
/* Sets the node ports of a host that p->owner has by its own name, and the routes of outside. */
void ports_open_outside(struct planner *p, struct ports *ports);

/* ---- domains.c ---- */

#define ALIASES_DEEP 10 /* an alias of an alias, and so on; also ends a ring of them */
/* The name that a Service of type ExternalName stands for; NULL: it is none. */
const char *alias_name(const struct object *o);
/* The known host that p->owner, of type ExternalName, stands for; NULL: it is none, or not that. */
const char *alias_target(const struct planner *p);
void domains_set(struct planner *p);

/* ---- concerns.c ---- */

/* Tells what is passed over for p->caller, whose VirtualService is `vs` (may be NULL) of `all`. */
void concerns_check(struct planner *p, const struct object *vs, const struct bag *all);
/* Tells of a VirtualService without effect, once the host is planned. */
void routes_check(struct planner *p);

/* ---- view_build.c ---- */

/* What callers see of p->host where that differs from what everyone sees, which is planned. */
void views_build(struct planner *p, const struct asks *asks);

#endif
