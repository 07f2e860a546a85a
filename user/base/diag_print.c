// SPDX-License-Identifier: GPL-2.0
/* Shows diagnostics with the line they are about and a caret below the column. */
#include <string.h>
#include "base/diag.h"
#include "base/utf8.h"

#define CUT_AFTER 120 /* a column past this one ... */
#define CUT_KEPT 80   /* ... shows this many characters before it */
#define CUT_WIDTH 160 /* characters of a line that are shown */
#define TAB_WIDTH 8

/*
 * Characters left out at the front of a source line. It follows from the column alone, so that
 * printing finds the caret's place in a line that was cut when it was attached.
 */
static unsigned cut_front(unsigned column)
{
	return column > CUT_AFTER ? column - 1 - CUT_KEPT : 0;
}

/* Would move the cursor, change direction, or fake a line. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Columns a terminal gives to the character. */
static unsigned width_of(uint32_t c)
{
	if ((c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200d) ||
	    (c >= 0xfe00 && c <= 0xfe0f))
		return 0;
	if ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
	    (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
	    (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
	    (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd))
		return 2;
	return 1;
}

/* Copies a character to `out` with what must not be shown as '?'; returns its bytes in `s`. */
static size_t copy_char(const char *s, size_t n, bool keep_tab, char **out)
{
	uint32_t c;
	size_t used = utf8_get(s, n, &c);

	if (!used || (is_control(c) && !(keep_tab && c == '\t'))) {
		*(*out)++ = '?';
		return used ? used : 1;
	}
	memcpy(*out, s, used);
	*out += used;
	return used;
}

/* The part of a line around the column, tabs left in. */
static char *cut_line(const char *line, size_t length, unsigned column)
{
	char *source = xcalloc(CUT_WIDTH * 4 + 1, 1), *end = source;
	unsigned skip = cut_front(column);
	size_t at = 0;
	uint32_t c;

	for (; skip && at < length; skip--) {
		size_t used = utf8_get(line + at, length - at, &c);

		at += used ? used : 1;
	}
	for (unsigned i = 0; i < CUT_WIDTH && at < length; i++)
		at += copy_char(line + at, length - at, true, &end);
	return source;
}

static int by_line(const void *a, const void *b)
{
	unsigned x = (*(struct diag *const *)a)->place.line;
	unsigned y = (*(struct diag *const *)b)->place.line;

	return (x > y) - (x < y);
}

/* Those without a source line, lines rising, so that one walk over the text serves all. */
static size_t without_source(struct diags *d, const char *file, struct diag ***out)
{
	struct diag **list = xcalloc(d->list.nr, sizeof(*list)), *one;
	size_t nr = 0;

	vec_each (&d->list, one)
		if (!one->source && one->place.line && one->place.file &&
		    !strcmp(one->place.file, file))
			list[nr++] = one;
	qsort(list, nr, sizeof(*list), by_line);
	*out = list;
	return nr;
}

void diags_attach_source(struct diags *d, const char *file, const char *text, size_t length)
{
	const char *at = text, *end = text + length, *stop;
	unsigned line = 1;
	struct diag **list;
	size_t nr = without_source(d, file, &list);

	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		at += 3;
	for (size_t i = 0; i < nr; i++) {
		for (; line < list[i]->place.line && at < end; line++) {
			stop = memchr(at, '\n', (size_t)(end - at));
			at = stop ? stop + 1 : end;
		}
		if (line != list[i]->place.line)
			break;
		stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
		if (!stop)
			stop = end;
		if (stop > at && stop[-1] == '\r')
			stop--;
		list[i]->source = cut_line(at, (size_t)(stop - at), list[i]->place.column);
	}
	free(list);
}

/* Prints text from outside so that it stays one line. */
static void print_clean(const char *s, FILE *out)
{
	size_t n = strlen(s);

	while (n) {
		char shown[4], *end = shown;
		size_t used = copy_char(s, n, false, &end);

		fwrite(shown, 1, (size_t)(end - shown), out);
		s += used;
		n -= used;
	}
}

/* The source line, and below it the caret as wide as what stands before the column. */
static void print_source(const struct diag *one, FILE *out)
{
	unsigned before = one->place.column ? one->place.column - 1 : 0;
	unsigned caret = 0, width = 0, i = 0;
	const char *s = one->source;
	size_t n = strlen(s);

	before -= cut_front(one->place.column);
	fputs("  ", out);
	while (n) {
		uint32_t c = '?';
		size_t used = utf8_get(s, n, &c);
		unsigned wide = c == '\t' ? TAB_WIDTH - width % TAB_WIDTH : width_of(c);

		used = used ? used : 1;
		if (c == '\t')
			fprintf(out, "%*s", (int)wide, "");
		else
			fwrite(s, 1, used, out);
		if (i++ < before)
			caret += wide;
		width += wide;
		s += used;
		n -= used;
	}
	/* The column past the end, where something is missing. */
	caret += i < before ? before - i : 0;
	if (one->place.column)
		fprintf(out, "\n  %*s^\n", (int)caret, "");
	else
		fputc('\n', out);
}

static void print_one(const struct diag *one, FILE *out)
{
	static const char *const levels[] = {"error", "warning", "notice"};

	if (one->place.file) {
		print_clean(strcmp(one->place.file, "-") ? one->place.file : "<stdin>", out);
		if (one->place.line)
			fprintf(out, ":%u", one->place.line);
		if (one->place.line && one->place.column)
			fprintf(out, ":%u", one->place.column);
		fputs(": ", out);
	}
	fprintf(out, "%s: ", levels[one->level]);
	if (one->path) {
		print_clean(one->path, out);
		fputs(": ", out);
	}
	print_clean(one->text, out);
	fputc('\n', out);
	if (one->source && *one->source)
		print_source(one, out);
}

void diags_print(const struct diags *d, FILE *out)
{
	const struct diag *one;

	vec_each (&d->list, one)
		print_one(one, out);
	if (d->nr_dropped)
		fprintf(out, "%zu more not shown\n", d->nr_dropped);
}
