/* SPDX-License-Identifier: GPL-2.0 */
/* Files to plan without an agent: what validate, plan, explain -f and hosts -f share. */
#ifndef CLI_OFFLINE_H
#define CLI_OFFLINE_H

#include "cli/options.h"
#include "plan/plan.h"

struct offline {
	struct config_set set;
	struct addresses *addresses;
	struct plan *plan; /* NULL when there were errors */
	struct diags diags;    /* of each object alone */
	struct diags findings; /* across objects; the plan holds them too */
};

/*
 * Reads `o->files` and plans them; 0 or -EINVAL with errors in one of both. With `fields`, the
 * findings have a notice for each field that is not in force.
 */
int offline_read(struct offline *off, const struct options *o, bool fields);
/* Prints all that was found. */
void offline_complain(const struct offline *off);
void offline_free(struct offline *off);
/* What validate and plan need of `o`; 0 or EXIT_USAGE, said. */
int offline_wanted(const struct options *o, const char *command);

#endif
