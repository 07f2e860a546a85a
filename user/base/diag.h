/* SPDX-License-Identifier: GPL-2.0 */
/* What is wrong with what a user gave us: collected with its place, printed all at once. */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdio.h>
#include <stdbool.h>
#include "vec.h"

/* A place in a text; file NULL and line 0: not known. Lines and columns count from 1. */
struct place {
	const char *file; /* lives as long as the process: see place_file() */
	unsigned line, column;
};

/* The one lasting copy of a file's name, to be used in places. */
const char *place_file(const char *name);

enum diag_level { DIAG_ERROR, DIAG_WARNING, DIAG_NOTICE };

struct diag {
	enum diag_level level;
	struct place place;
	char *path;   /* "VirtualService/default/reviews: spec.http[0].timeout"; NULL: none */
	char *text;   /* what is wrong, what is wanted */
	char *source; /* the line of the file, cut to a sane length; NULL: not known */
};

struct diags {
	VEC(struct diag) list;
	size_t nr_errors, nr_warnings;
	bool strict; /* warnings are errors */
	size_t nr_dropped; /* past the bound of 1,000 */
};

/* Adds one; `path` may be NULL. Identical neighbours are kept: the caller says a thing once. */
void diag_add(struct diags *d, enum diag_level level, const struct place *place, const char *path,
	      const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Moves all of `from` to the end of `to`. */
void diags_take(struct diags *to, struct diags *from);
/* Sets the source line of each diagnostic that names `file` and has none yet. */
void diags_attach_source(struct diags *d, const char *file, const char *text, size_t length);
/* file:line:col: error: path: text, then the source line and a caret. */
void diags_print(const struct diags *d, FILE *out);
/* Forgets those that are about the file. */
void diags_drop_file(struct diags *d, const char *file);
void diags_free(struct diags *d);

#endif
