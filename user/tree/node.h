/* SPDX-License-Identifier: GPL-2.0 */
/* A document as a tree of values that know their place. */
#ifndef TREE_NODE_H
#define TREE_NODE_H

#include <stdint.h>
#include "base/diag.h"
#include "base/mem.h"

enum node_type { NODE_NULL, NODE_BOOL, NODE_NUMBER, NODE_STRING, NODE_LIST, NODE_MAP };

struct node {
	enum node_type type; /* plain YAML scalars by the 1.2 core schema; quoted ones are strings */
	struct place place;
	const char *text; /* scalars: as written, NUL-terminated, without NUL inside, valid UTF-8 */
	size_t length;	  /* of text */
	const char *key;  /* when in a map */
	struct place key_place;
	struct node *child; /* lists and maps: the first */
	struct node *next;  /* the next sibling */
	size_t nr;	    /* children */
};

#define node_each(parent, it) for ((it) = (parent) ? (parent)->child : NULL; (it); (it) = (it)->next)

/* The value of a key, NULL when `map` is NULL, no map, or has no such key. */
struct node *node_get(const struct node *map, const char *key);
/* The text of a scalar under `key`, NULL when there is none. */
const char *node_text(const struct node *map, const char *key);
/* The same values in the same order; places and number spelling do not count. */
bool node_equal(const struct node *a, const struct node *b);
const char *node_type_name(enum node_type type); /* "a string", "a map", ... */
/* Building by hand (tests, shift): all memory from the arena. */
struct node *node_new(struct arena *a, enum node_type type, const char *text);
void node_append(struct node *parent, const char *key, struct node *child, struct arena *a);
struct node *node_copy(struct arena *a, const struct node *from);
/* As YAML that yaml_read reads back to an equal tree. */
void node_print_yaml(const struct node *n, FILE *out);
/* As one line of JSON. */
void node_print_json(const struct node *n, FILE *out);

/* Bounds on one text; past them it is refused with the place. */
#define TREE_MAX_BYTES (64u << 20)
#define TREE_MAX_SCALAR (4u << 20)
#define TREE_MAX_DEPTH 100
#define TREE_MAX_NODES 1500000u	   /* in one text, aliases expanded */
#define TREE_MAX_EXPANDED 100000u /* of these, by aliases */

/*
 * Reads a stream of YAML 1.2 documents (JSON is YAML) and calls `each` with the root of every
 * document that is not empty; the tree is gone when `each` returns. `name` stands in places; NULL:
 * the text is nobody's file, and places in it are not shown.
 * A fault (syntax, bounds, duplicate key, unknown alias, invalid UTF-8, NUL) goes to the
 * diagnostics with its place and source line, the faulty document is skipped, and reading goes on
 * where the text allows it. 0, or -EINVAL when there was a fault, or the first non-zero result of
 * `each`, which ends the reading. Memory stays below 256 MiB and time below 5 s for any input.
 */
int yaml_read(const char *name, const char *text, size_t length, struct diags *diags,
	      int (*each)(struct node *root, void *arg), void *arg);

#endif
