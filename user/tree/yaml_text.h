/* SPDX-License-Identifier: GPL-2.0 */
/* The text of a YAML stream: places in it, its document lines, and bytes that must not be there. */
#ifndef TREE_YAML_TEXT_H
#define TREE_YAML_TEXT_H

#include <stddef.h>
#include "base/diag.h"

/* A point of a text that only moves forward; copy it to look elsewhere. */
struct cursor {
	const char *text;
	size_t length;
	size_t byte;	    /* from the start of the text */
	size_t index;	    /* code points, from wherever the owner set it to 0 */
	struct place place; /* a line ends with \n only, as editors count */
};

void cursor_to_byte(struct cursor *c, size_t byte);
void cursor_to_index(struct cursor *c, size_t index);

/* The first line at or after `from` that starts a document ("---"), else `length`. */
size_t text_document_after(const char *text, size_t length, size_t from);
/* The last such line that starts in [floor, at], else `floor`. */
size_t text_document_before(const char *text, size_t length, size_t floor, size_t at);

/* What cannot stand in a text at all. */
struct bad_byte {
	size_t at; /* `length`: none */
	const char *why;
};

struct bad_byte text_find_bad(const char *text, size_t length, size_t from);

#endif
