/* SPDX-License-Identifier: GPL-2.0 */
/* What the objects behind a host ask about who calls: only those it matters to are planned. */
#ifndef PLAN_ASKS_H
#define PLAN_ASKS_H

#include "plan/host.h"

struct asks {
	struct strmap namespaces;
	VEC(struct asked_labels {
		const char *namespace; /* "*": of any */
		const struct labels *labels;
	}) selectors;
	struct strmap keys; /* of labels whose value decides */
	VEC(struct object *) owners; /* all who have the host */
	VEC(struct object *) routes; /* VirtualServices for it */
	bool uneven; /* a Sidecar can decide which object a name means, beside what is above */
};

/* Adds to *out; asks_free. */
void asks_find(const struct planner *p, const char *host, struct asks *out);
bool asks_any(const struct asks *a);
/* Whether callers of the scope can be told from others by it. */
bool asks_of(const struct asks *a, const struct plan_scope *scope);
/* p->caller's Sidecar leaves out nothing that the host's plan is made of. */
bool asks_see_all(const struct planner *p, const struct asks *a, const char *host);
void asks_free(struct asks *a);

#endif
