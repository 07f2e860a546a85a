// SPDX-License-Identifier: GPL-2.0
/* Lays out columns for people. */
#include "cli/table.h"
#include <stdarg.h>
#include <string.h>

static void cell_push(struct table *t, char *text)
{
	for (char *at = text; *at; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	}
	vec_push(&t->cells, text);
}

void table_start(struct table *t, const char *headings)
{
	*t = (struct table){0};
	for (const char *at = headings; *at; t->nr_columns++) {
		size_t length = strcspn(at, " ");

		cell_push(t, xstrndup(at, length));
		at += length;
		at += strspn(at, " ");
	}
}

void table_add(struct table *t, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	if (!*text) {
		free(text);
		text = xstrdup("-");
	}
	cell_push(t, text);
}

static size_t column_width(const struct table *t, size_t column)
{
	size_t width = 0;

	for (size_t i = column; i < t->cells.nr; i += t->nr_columns) {
		size_t length = strlen(t->cells.at[i]);

		width = length > width ? length : width;
	}
	return width;
}

void table_print(struct table *t, FILE *out)
{
	size_t *widths = xcalloc(t->nr_columns, sizeof(*widths));

	for (size_t c = 0; c < t->nr_columns; c++)
		widths[c] = column_width(t, c);
	for (size_t i = 0; i < t->cells.nr; i++) {
		size_t column = i % t->nr_columns;

		if (column + 1 == t->nr_columns)
			fprintf(out, "%s\n", t->cells.at[i]);
		else
			fprintf(out, "%-*s  ", (int)widths[column], t->cells.at[i]);
		free(t->cells.at[i]);
	}
	vec_free(&t->cells);
	free(widths);
}
