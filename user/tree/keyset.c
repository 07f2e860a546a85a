// SPDX-License-Identifier: GPL-2.0
/* An open-addressed set of map entries by key; small maps are compared one by one. */
#include <string.h>
#include "base/strmap.h"
#include "tree/keyset.h"

#define SMALL 16

/* The slot that has the key, or the free one where it goes. */
static struct node **slot_of(const struct keyset *s, const char *key)
{
	size_t mask = s->cap - 1, at = strmap_hash(key) & mask;

	while (s->slots[at] && strcmp(s->slots[at]->key, key) != 0)
		at = (at + 1) & mask;
	return &s->slots[at];
}

static void grow(struct keyset *s)
{
	struct keyset old = *s;

	s->cap = old.cap ? old.cap * 2 : 4 * SMALL;
	s->slots = xcalloc(s->cap, sizeof(*s->slots));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i])
			*slot_of(s, old.slots[i]->key) = old.slots[i];
	free(old.slots);
}

const struct node *keyset_add(struct keyset *s, const struct node *map, struct node *child)
{
	struct node *it, **slot;

	if (map->nr < SMALL) {
		node_each (map, it)
			if (!strcmp(it->key, child->key))
				return it;
		return NULL;
	}
	if (!s->cap) {
		grow(s);
		node_each (map, it) {
			*slot_of(s, it->key) = it;
			s->nr++;
		}
	}
	if (s->nr * 4 >= s->cap * 3)
		grow(s);
	slot = slot_of(s, child->key);
	if (*slot)
		return *slot;
	*slot = child;
	s->nr++;
	return NULL;
}

void keyset_free(struct keyset *s)
{
	free(s->slots);
	*s = (struct keyset){0};
}
