// SPDX-License-Identifier: GPL-2.0
/* The parameters behind the "?" of a path. */
#include "http/query.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

static int nibble(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10;
}

/* "%41" is "A"; what is no such triple stays. An encoded NUL ends the text for who compares it. */
static char *decoded(struct http_text t)
{
	char *out = xcalloc(t.length + 1, 1), *to = out;

	for (size_t i = 0; i < t.length; i++) {
		bool triple = t.at[i] == '%' && i + 2 < t.length && nibble(t.at[i + 1]) >= 0 &&
			      nibble(t.at[i + 2]) >= 0;

		*to++ = triple ? (char)(nibble(t.at[i + 1]) * 16 + nibble(t.at[i + 2])) : t.at[i];
		i += triple ? 2 : 0;
	}
	return out;
}

char *query_value(struct http_text query, const char *name)
{
	const char *at = query.at, *end = query.at + query.length;

	while (at < end) {
		const char *stop = memchr(at, '&', (size_t)(end - at)) ?: end;
		const char *equals = memchr(at, '=', (size_t)(stop - at)) ?: stop;
		char *key = decoded((struct http_text){at, (size_t)(equals - at)});
		bool found = !strcmp(key, name);

		free(key);
		if (found) {
			equals += equals < stop;
			return decoded((struct http_text){equals, (size_t)(stop - equals)});
		}
		at = stop + 1;
	}
	return NULL;
}
