/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Texts of which those that begin another text are found without a look at the others: they are
 * sorted, and each knows the longest one that begins it.
 */
#ifndef PROXY_PREFIXES_H
#define PROXY_PREFIXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"

struct prefix_item {
	const char *text;
	size_t length;
	uint32_t value;
};

struct prefix {
	const char *text;
	size_t length;
	const struct prefix *shorter; /* the longest other one that begins it; NULL: none */
	const uint32_t *values;	      /* of all items with that text, ascending */
	size_t nr;
};

struct prefixes {
	bool fold; /* ASCII letters in any case are the same */
	struct prefix *at;
	size_t nr;
};

/* Sorts the items, and borrows their texts; the rest is the arena's. */
void prefixes_build(struct prefixes *out, struct arena *arena, struct prefix_item *items, size_t nr,
		    bool fold);
/* The longest that `text` begins with, NULL: none; its `shorter` are the others. */
const struct prefix *prefixes_find(const struct prefixes *p, const char *text, size_t length);

#endif
