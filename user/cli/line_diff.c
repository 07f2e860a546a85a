// SPDX-License-Identifier: GPL-2.0
/* Finds the longest common lines of two texts and prints what is not among them. */
#include "cli/line_diff.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "base/vec.h"

#define CONTEXT 3
#define MAX_CELLS 16000000 /* of the table of common lengths; past it all lines in between differ */

struct line {
	const char *at;
	size_t length;
};

struct lines {
	VEC(struct line) list;
};

/* What happens to a line: ' ' both have it, '-' gone, '+' new. */
struct step {
	char what;
	struct line line;
	size_t from, to; /* lines before it, in each text */
};

struct script {
	VEC(struct step) steps;
	size_t from, to;
};

static void lines_split(struct lines *l, const char *text)
{
	while (*text) {
		struct line line = {text, strcspn(text, "\n")};

		vec_push(&l->list, line);
		text += line.length + (text[line.length] == '\n');
	}
}

static bool line_equal(const struct line *a, const struct line *b)
{
	return a->length == b->length && !memcmp(a->at, b->at, a->length);
}

static void script_add(struct script *s, char what, const struct line *line)
{
	struct step step = {what, *line, s->from, s->to};

	vec_push(&s->steps, step);
	s->from += what != '+';
	s->to += what != '-';
}

/* common[i * (m + 1) + j]: most lines that a[i..] and b[j..] have in common, in order. */
static uint32_t *common_count(const struct line *a, size_t n, const struct line *b, size_t m)
{
	uint32_t *common = xcalloc((n + 1) * (m + 1), sizeof(*common));

	for (size_t i = n; i-- > 0;) {
		uint32_t *row = common + i * (m + 1), *below = row + m + 1;

		for (size_t j = m; j-- > 0;) {
			if (line_equal(&a[i], &b[j]))
				row[j] = below[j + 1] + 1;
			else
				row[j] = below[j] > row[j + 1] ? below[j] : row[j + 1];
		}
	}
	return common;
}

static void script_middle(struct script *s, const struct line *a, size_t n, const struct line *b,
			  size_t m)
{
	uint32_t *common = (n + 1) * (m + 1) <= MAX_CELLS ? common_count(a, n, b, m) : NULL;
	size_t i = 0, j = 0;

	while (i < n || j < m) {
		bool same = common && i < n && j < m && line_equal(&a[i], &b[j]);

		if (same) {
			script_add(s, ' ', &a[i++]);
			j++;
		} else if (i < n &&
			   (j == m || !common ||
			    common[(i + 1) * (m + 1) + j] >= common[i * (m + 1) + j + 1])) {
			script_add(s, '-', &a[i++]);
		} else {
			script_add(s, '+', &b[j++]);
		}
	}
	free(common);
}

static void script_make(struct script *s, const struct lines *a, const struct lines *b)
{
	size_t n = a->list.nr, m = b->list.nr, first = 0, last = 0;

	while (first < n && first < m && line_equal(&a->list.at[first], &b->list.at[first]))
		script_add(s, ' ', &a->list.at[first++]);
	while (last < n - first && last < m - first &&
	       line_equal(&a->list.at[n - 1 - last], &b->list.at[m - 1 - last]))
		last++;
	script_middle(s, a->list.at + first, n - first - last, b->list.at + first,
		      m - first - last);
	while (last)
		script_add(s, ' ', &a->list.at[n - last--]);
}

/* "12,5", as of one text's side of a hunk. */
static void range_print(FILE *out, char sign, size_t before, size_t count)
{
	fprintf(out, "%c%zu", sign, count ? before + 1 : before);
	if (count != 1)
		fprintf(out, ",%zu", count);
}

static void hunk_print(const struct script *s, size_t first, size_t end, FILE *out)
{
	size_t from = 0, to = 0;

	for (size_t i = first; i < end; i++) {
		from += s->steps.at[i].what != '+';
		to += s->steps.at[i].what != '-';
	}
	fputs("@@ ", out);
	range_print(out, '-', s->steps.at[first].from, from);
	fputc(' ', out);
	range_print(out, '+', s->steps.at[first].to, to);
	fputs(" @@\n", out);
	for (size_t i = first; i < end; i++)
		fprintf(out, "%c%.*s\n", s->steps.at[i].what, (int)s->steps.at[i].line.length,
			s->steps.at[i].line.at);
}

/* The first change at or after `i`, or the number of steps. */
static size_t change_next(const struct script *s, size_t i)
{
	while (i < s->steps.nr && s->steps.at[i].what == ' ')
		i++;
	return i;
}

static void hunks_print(const struct script *s, FILE *out)
{
	size_t change = change_next(s, 0);

	while (change < s->steps.nr) {
		size_t first = change > CONTEXT ? change - CONTEXT : 0, end = change, next;

		for (;;) {
			while (end < s->steps.nr && s->steps.at[end].what != ' ')
				end++;
			next = change_next(s, end);
			if (next == s->steps.nr || next - end > 2 * CONTEXT)
				break;
			end = next;
		}
		end = end + CONTEXT < s->steps.nr ? end + CONTEXT : s->steps.nr;
		hunk_print(s, first, end, out);
		change = next;
	}
}

int line_diff(const char *from_name, const char *from, const char *to_name, const char *to,
	      FILE *out)
{
	struct lines a = {0}, b = {0};
	struct script s = {0};
	int differ = strcmp(from, to) != 0;

	if (differ) {
		lines_split(&a, from);
		lines_split(&b, to);
		script_make(&s, &a, &b);
		fprintf(out, "--- %s\n+++ %s\n", from_name, to_name);
		hunks_print(&s, out);
	}
	vec_free(&a.list);
	vec_free(&b.list);
	vec_free(&s.steps);
	return differ;
}
