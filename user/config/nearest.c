// SPDX-License-Identifier: GPL-2.0
/* Guesses what was meant by a name that is not known. */
#include <ctype.h>
#include <string.h>
#include "config/decode.h"

#define NAME_MAX_LENGTH 48 /* longer ones are not compared */

/* Case and the underscores of the snake_case spelling count for nothing. */
static size_t folded(const char *name, char *out)
{
	size_t n = 0;

	for (; *name; name++) {
		if (*name == '_')
			continue;
		if (n == NAME_MAX_LENGTH)
			return 0;
		out[n++] = (char)tolower((unsigned char)*name);
	}
	return n;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to add, take away or change, by Levenshtein's recurrence over one row. */
static unsigned distance(const char *a, const char *b)
{
	char x[NAME_MAX_LENGTH], y[NAME_MAX_LENGTH];
	size_t nx = folded(a, x), ny = folded(b, y);
	unsigned row[NAME_MAX_LENGTH + 1];

	if (!nx || !ny)
		return UINT32_MAX;
	for (size_t j = 0; j <= ny; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= nx; i++) {
		unsigned corner = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= ny; j++) {
			unsigned up = row[j];

			row[j] = least(up + 1, row[j - 1] + 1, corner + (x[i - 1] != y[j - 1]));
			corner = up;
		}
	}
	return row[ny];
}

const char *nearest(const char *written, const char *best, const char *candidate)
{
	unsigned far = distance(written, candidate);
	size_t length = strlen(candidate);

	/* One letter of a short name, two of a longer one, is a slip; more is another word. */
	if (far > (length < 3 ? 0u : length < 6 ? 1u : 2u))
		return best;
	return !best || far < distance(written, best) ? candidate : best;
}
