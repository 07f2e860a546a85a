// SPDX-License-Identifier: GPL-2.0
/* Arenas: chunks that are filled from both ends, things from the front, text from the back. */
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define CHUNK_MIN 768u
#define CHUNK_MAX (256u << 10)

struct chunk {
	struct chunk *next;
	size_t front, back; /* the free bytes are data[front..back) */
	alignas(max_align_t) char data[];
};

struct arena {
	struct chunk *chunks; /* the first is the one being filled */
	size_t bytes, next_size;
};

static struct chunk *chunk_new(struct arena *a, size_t size)
{
	struct chunk *c = xcalloc(1, sizeof(*c) + size);

	c->back = size;
	a->bytes += sizeof(*c) + size;
	return c;
}

static void chunk_add(struct arena *a, size_t want)
{
	struct chunk *c = chunk_new(a, want > a->next_size ? want : a->next_size);

	if (a->next_size < CHUNK_MAX)
		a->next_size += a->next_size / 2;
	/* A large lone thing must not end the filling of a chunk with room left. */
	if (a->chunks && want >= CHUNK_MAX) {
		c->next = a->chunks->next;
		a->chunks->next = c;
	} else {
		c->next = a->chunks;
		a->chunks = c;
	}
}

/* The chunk with `size` bytes of room. */
static struct chunk *chunk_with(struct arena *a, size_t size)
{
	struct chunk *c = a->chunks;

	if (c && c->back - c->front >= size)
		return c;
	chunk_add(a, size);
	c = a->chunks;
	return c->back - c->front >= size ? c : c->next;
}

struct arena *arena_new(void)
{
	struct arena *a = xcalloc(1, sizeof(*a));

	a->next_size = CHUNK_MIN;
	return a;
}

void arena_free(struct arena *a)
{
	struct chunk *c, *next;

	for (c = a ? a->chunks : NULL; c; c = next) {
		next = c->next;
		free(c);
	}
	free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct chunk *c;
	void *p;

	if (size > SIZE_MAX / 2) /* let mem.c say it */
		return xrealloc(NULL, SIZE_MAX, 2);
	c = chunk_with(a, size + align - 1);
	c->front = (c->front + align - 1) & ~(align - 1);
	p = c->data + c->front;
	c->front += size;
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	struct chunk *c = chunk_with(a, n + 1);

	c->back -= n + 1;
	memcpy(c->data + c->back, s, n);
	return c->data + c->back;
}

char *arena_strndup_last(struct arena *a, const char *s, size_t n)
{
	struct chunk *c = a->chunks;

	if (!c || c->back - c->front < n + 1) {
		c = chunk_new(a, n + 1);
		c->next = a->chunks;
		a->chunks = c;
	}
	return arena_strndup(a, s, n);
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	char *s, *copy;

	va_start(args, format);
	s = xvasprintf(format, args);
	va_end(args);
	copy = arena_strdup(a, s);
	free(s);
	return copy;
}

size_t arena_bytes(const struct arena *a)
{
	return a->bytes;
}
