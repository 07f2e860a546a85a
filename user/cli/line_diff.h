/* SPDX-License-Identifier: GPL-2.0 */
/* The difference of two texts, line by line, as diff -u prints it. */
#ifndef CLI_LINE_DIFF_H
#define CLI_LINE_DIFF_H

#include <stdio.h>

/* Prints nothing and returns 0 when they are the same; else returns 1. */
int line_diff(const char *from_name, const char *from, const char *to_name, const char *to,
	      FILE *out);

#endif
