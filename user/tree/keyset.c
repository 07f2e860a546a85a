// SPDX-License-Identifier: GPL-2.0
/* An open-addressed set of map entries by key; small maps are compared one by one. */
#include <string.h>
#include "base/strmap.h"
#include "tree/keyset.h"

#define SMALL 16

/* The slot that has the key, or the free one where it goes. */
static struct keyset_slot *slot_of(const struct keyset *s, uint64_t hash, const char *key)
{
	size_t mask = s->cap - 1, at = hash & mask;

	while (s->slots[at].node &&
	       (s->slots[at].hash != hash || strcmp(s->slots[at].node->key, key) != 0))
		at = (at + 1) & mask;
	return &s->slots[at];
}

static void grow(struct keyset *s)
{
	struct keyset old = *s;

	s->cap = old.cap ? old.cap * 2 : 4 * SMALL;
	s->slots = xcalloc(s->cap, sizeof(*s->slots));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].node)
			*slot_of(s, old.slots[i].hash, old.slots[i].node->key) = old.slots[i];
	free(old.slots);
}

/* The node that has its key already, or NULL. */
static struct node *put(struct keyset *s, struct node *node)
{
	uint64_t hash = strmap_hash(node->key);
	struct keyset_slot *slot = slot_of(s, hash, node->key);

	if (slot->node)
		return slot->node;
	*slot = (struct keyset_slot){hash, node};
	s->nr++;
	return NULL;
}

const struct node *keyset_add(struct keyset *s, const struct node *map, struct node *child)
{
	struct node *it;

	if (map->nr < SMALL) {
		node_each (map, it)
			if (!strcmp(it->key, child->key))
				return it;
		return NULL;
	}
	if (!s->cap) {
		grow(s);
		node_each (map, it)
			put(s, it);
	}
	if (s->nr * 4 >= s->cap * 3)
		grow(s);
	return put(s, child);
}

void keyset_free(struct keyset *s)
{
	free(s->slots);
	*s = (struct keyset){0};
}
