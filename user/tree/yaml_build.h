/* SPDX-License-Identifier: GPL-2.0 */
/* Trees out of the YAML library's events, with the bounds of node.h. */
#ifndef TREE_YAML_BUILD_H
#define TREE_YAML_BUILD_H

#include <yaml.h>
#include "base/strmap.h"
#include "tree/keyset.h"
#include "tree/node.h"
#include "tree/yaml_text.h"

#define YAML_MAX_FAULTS 1000 /* reading ends after so many */

/* A list or map that is not closed yet. */
struct frame {
	struct node *node, *last; /* and its last child so far */
	const char *key; /* of the value that comes next; NULL: the key itself comes next */
	struct place key_place;
	bool key_faulty; /* the value is read, but not kept */
	bool is_key;	 /* this collection stands where a key should */
	struct keyset keys;
};

struct build {
	struct diags *diags;
	struct cursor now; /* at the start of the latest event */
	struct cursor doc; /* at the start of the document */
	struct arena *arena;
	struct node *root;
	struct frame stack[TREE_MAX_DEPTH];
	unsigned depth;
	struct strmap anchors;			   /* name -> node, of this document */
	bool faulty;				   /* this document */
	unsigned nr_faults, nr_nodes, nr_expanded; /* in the whole text */
};

/*
 * Adds what the event says to the tree. 0, also after a mistake the document can be read on from;
 * -EINVAL: this document cannot go on; -E2BIG: nor can the text.
 */
int build_event(struct build *b, const yaml_event_t *event);
/* Frees what belongs to the document; the counts over the text stay. */
void build_end_document(struct build *b);

void build_fault(struct build *b, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* How many bytes of a name a message shows: whole code points. */
int name_shown(const char *name);
/* Refuses tags from outside the core schema; the short name of one inside, or NULL. */
const char *build_tag(struct build *b, const yaml_char_t *tag);
/* The type of a scalar with that core tag; a text that does not fit is a fault. */
enum node_type build_tagged_type(struct build *b, const char *tag, const char *text, size_t length);
/* The point with that index, also when it lies before the latest event. */
struct cursor build_find(const struct build *b, size_t index);
/* Says why the parser stopped; returns where it stopped. */
size_t yaml_fault(struct build *b, const yaml_parser_t *parser);

#endif
