/* SPDX-License-Identifier: GPL-2.0 */
/* Objects that no host of the plan shows: rules of no host, delegates and Sidecars of nobody. */
#ifndef PLAN_ORPHANS_H
#define PLAN_ORPHANS_H

#include "plan/dirty.h"

void orphans_find_all(struct plan *plan, const struct config_set *set);
void orphans_find_changes(struct plan *plan, const struct config_set *set,
			  const struct changes *changes);
/* After `host` came or went. */
void orphans_recheck(struct plan *plan, const char *host);
/* Puts the findings into the plan of `set`. */
void orphans_tell(struct plan *plan, const struct config_set *set);

#endif
