/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map from strings to pointers; keys are copied; order of a walk is order of insertion (removals
 * keep the order of the rest). A copy of a map shares its keys, so it costs little more than what
 * it takes to walk it; maps that share keys belong to one thread. The hash is seeded per process, so names from outside cannot make
 * it slow.
 */
#ifndef BASE_STRMAP_H
#define BASE_STRMAP_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

struct strmap_entry {
	const char *key; /* NULL: removed */
	void *value;
};

struct strmap {
	struct strmap_entry *entries; /* with holes */
	size_t nr_entries, cap_entries;
	unsigned *index;
	size_t cap_index;
	size_t nr; /* live keys */
};

void strmap_free(struct strmap *m); /* not the values; the map is empty again */
void *strmap_get(const struct strmap *m, const char *key); /* NULL: not there */
void *strmap_put(struct strmap *m, const char *key, void *value); /* the old value or NULL */
void *strmap_remove(struct strmap *m, const char *key);		  /* the value or NULL */
void strmap_copy(struct strmap *to, const struct strmap *from);	  /* `to` must be empty */
/*
 * The value in `m` under the key of `e`, an entry of `of`. Quick when one map is a copy of the other
 * and few keys came or went since.
 */
void *strmap_get_beside(const struct strmap *m, const struct strmap *of,
			const struct strmap_entry *e);

/* The seeded hash itself, for sets that hold something else than strings. */
uint64_t strmap_hash(const char *key);
uint64_t strmap_hash_bytes(const void *key, size_t size);

/* for each live entry, `e` a struct strmap_entry * */
#define strmap_each(m, e)                                                                         \
	for ((e) = (m)->entries; (e) && (e) < (m)->entries + (m)->nr_entries; (e)++)             \
		if ((e)->key)

#endif
