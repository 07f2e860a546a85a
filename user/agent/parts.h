/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the proxies were told of each host of the plan, by number: a change of one host makes its
 * part alone anew, and only that is sent.
 */
#ifndef AGENT_PARTS_H
#define AGENT_PARTS_H

#include "plan/plan.h"

struct parts;
struct table_part;

/*
 * scope_number as in struct snapshot_ground. `give` may add to a part that was made before it
 * becomes bytes; `take_back` gets each place of a cluster that it gave, when no part has it any
 * more. Both may be NULL.
 */
struct parts *parts_new(uint32_t (*scope_number)(const char *key, void *arg),
			void (*give)(struct table_part *part, void *arg),
			void (*take_back)(uint32_t place, void *arg), void *arg);
void parts_free(struct parts *p); /* NULL is fine */
/* Follows a plan; false: of what the proxy knows nothing has changed. */
bool parts_learn(struct parts *p, const struct plan *plan);
/*
 * The block of the last plan that changed something, and its number. It brings what no block
 * brought before, or with `all` everything. The caller frees *bytes. -errno as of block_write.
 */
int parts_block(struct parts *p, bool all, void **bytes, size_t *size);
uint32_t parts_plan(const struct parts *p);

#endif
