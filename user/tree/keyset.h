/* SPDX-License-Identifier: GPL-2.0 */
/* The keys of one map while it is read: finds a key that stands twice. */
#ifndef TREE_KEYSET_H
#define TREE_KEYSET_H

#include <stddef.h>
#include <stdint.h>
#include "tree/node.h"

struct keyset_slot {
	uint64_t hash;
	struct node *node; /* NULL: the slot is free */
};

/* Hashes only from the 17th key on; zeroed is empty. Holds the nodes, copies no key. */
struct keyset {
	struct keyset_slot *slots;
	size_t cap, nr;
};

/* `map` has all children but `child`, which comes next. The child with the same key, or NULL. */
const struct node *keyset_add(struct keyset *s, const struct node *map, struct node *child);
void keyset_free(struct keyset *s);

#endif
