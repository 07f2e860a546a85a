/* SPDX-License-Identifier: GPL-2.0 */
/* Bytes that grow at the end and are taken from the front; for the test tools alone. */
#ifndef TOOLS_BUF_H
#define TOOLS_BUF_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct buf {
	char *at;
	size_t nr, cap;
};

__attribute__((noreturn, format(printf, 2, 3))) static inline void die(int code,
								       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(code);
}

/* Room for `more` bytes and a NUL past the end. */
static inline void buf_reserve(struct buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 256;

	while (cap < b->nr + more + 1)
		cap *= 2;
	if (cap == b->cap)
		return;
	b->at = realloc(b->at, cap);
	if (!b->at)
		die(1, "out of memory");
	b->cap = cap;
}

static inline void buf_add(struct buf *b, const void *data, size_t n)
{
	buf_reserve(b, n);
	if (n)
		memcpy(b->at + b->nr, data, n);
	b->nr += n;
	b->at[b->nr] = '\0';
}

static inline void buf_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static inline void buf_printf(struct buf *b,
								    const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	buf_reserve(b, (size_t)n);
	va_start(args, format);
	vsnprintf(b->at + b->nr, (size_t)n + 1, format, args);
	va_end(args);
	b->nr += (size_t)n;
}

/* As a JSON string, quotes included; what is not ASCII passes as it is. */
static inline void buf_json(struct buf *b, const char *text)
{
	buf_text(b, "\"");
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c < 0x20)
			buf_printf(b, "\\u%04x", c);
		else
			buf_add(b, text, 1);
	}
	buf_text(b, "\"");
}

static inline void buf_free(struct buf *b)
{
	free(b->at);
	memset(b, 0, sizeof(*b));
}

/* Takes n bytes from the front; an empty buffer gives its memory back. */
static inline void buf_consume(struct buf *b, size_t n)
{
	b->nr -= n;
	if (!b->nr)
		buf_free(b);
	else
		memmove(b->at, b->at + n, b->nr + 1);
}

#endif
