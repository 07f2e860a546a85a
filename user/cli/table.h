/* SPDX-License-Identifier: GPL-2.0 */
/* Columns for people: as wide as what stands in them. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>
#include "base/vec.h"

struct table {
	size_t nr_columns;
	VEC(char *) cells; /* row by row, the headings first */
};

/* `headings` are words parted by blanks. */
void table_start(struct table *t, const char *headings);
/* The next cell, to the right or in a new row; control characters become "?". */
void table_add(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_print(struct table *t, FILE *out); /* and frees it */

#endif
