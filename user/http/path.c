// SPDX-License-Identifier: GPL-2.0
/* Paths in one form, so that a rule for one cannot be passed by in another (RFC 3986, 6.2.2). */
#include "http/rewrite.h"
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_unreserved(int c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

/* The byte at `at`, and how many bytes stand for it; what may be decoded is. */
static char byte_read(const char *at, size_t length, size_t *taken)
{
	int high = length > 2 && *at == '%' ? digit(at[1]) : -1;
	int low = high >= 0 ? digit(at[2]) : -1;
	int value = high * 16 + low;

	*taken = low >= 0 && is_unreserved(value) ? 3 : 1;
	return *taken == 3 ? (char)value : *at;
}

/* Whether nothing would change; true of nearly all. */
static bool is_normal(struct http_text path)
{
	for (size_t i = 0; i < path.length && path.at[i] != '?'; i++)
		if (path.at[i] == '%' ||
		    (path.at[i] == '/' && i + 1 < path.length && path.at[i + 1] == '.'))
			return false;
	return true;
}

/* Where the element before `end` begins, which stands behind a slash. */
static size_t element_before(const char *out, size_t end)
{
	while (end && out[end - 1] != '/')
		end--;
	return end;
}

/*
 * An element ends at `*end`: "." and ".." go, the latter with what stands before it, and the slash
 * behind them goes, too. False: it is neither.
 */
static bool dots_drop(const char *out, size_t *end)
{
	size_t begin = element_before(out, *end), length = *end - begin;

	if (length == 1 && out[begin] == '.')
		*end = begin;
	else if (length == 2 && out[begin] == '.' && out[begin + 1] == '.')
		*end = begin > 1 ? element_before(out, begin - 1) : begin;
	else
		return false;
	return true;
}

char *http_path_normalize(struct http_text path)
{
	size_t end = 0, i = 0, taken;
	char *out;

	if (!path.length || *path.at != '/' || is_normal(path))
		return NULL;
	out = xrealloc(NULL, path.length + 1, 1);
	for (; i < path.length && path.at[i] != '?'; i += taken) {
		char c = byte_read(path.at + i, path.length - i, &taken);

		if (c != '/' || !dots_drop(out, &end))
			out[end++] = c;
	}
	dots_drop(out, &end);
	memcpy(out + end, path.at + i, path.length - i);
	out[end + path.length - i] = '\0';
	return out;
}
