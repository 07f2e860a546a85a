/* SPDX-License-Identifier: GPL-2.0 */
/* What there is to say about good objects: what planning found, and fields not in force. */
#ifndef AGENT_FINDINGS_H
#define AGENT_FINDINGS_H

#include "plan/plan.h"

/* All that planning found, per host and across; as copies. */
void findings_of_plan(struct diags *out, const struct plan *plan);
/*
 * The same (`plan` NULL: nothing was planned), and first a notice for each field of the set's
 * objects that is not in force.
 */
void findings_of_set(struct diags *out, const struct config_set *set, const struct plan *plan);
/* The notices of one object's fields. */
void findings_of_object(struct diags *out, const struct object *o);
/*
 * What a change of `nr` objects brings: the notices of their fields, what planning finds about
 * them, and what it finds about others that `before` (NULL: nothing) did not have.
 */
void findings_of_change(struct diags *out, struct object *const *changed, size_t nr,
			const struct plan *before, const struct plan *plan);

#endif
