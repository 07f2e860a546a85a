/* SPDX-License-Identifier: GPL-2.0 */
/* Bytes on their way through: taken from a worker's pool when there are some, given back when gone.
 */
#ifndef PROXY_BUFFER_H
#define PROXY_BUFFER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUFFER_SIZE (16u << 10)
#define BUFFER_LARGE (72u << 10) /* a head of the largest size allowed, and what is added to it */

/* What all workers together may hold in buffers and connections, in bytes. */
struct memory {
	size_t limit;
	atomic_size_t used;
};
bool memory_take(struct memory *m, size_t size);	     /* false: it would pass the limit */
static inline void memory_use(struct memory *m, size_t size) /* whatever the limit */
{
	atomic_fetch_add_explicit(&m->used, size, memory_order_relaxed);
}
void memory_give(struct memory *m, size_t size);

/* One worker's blocks of BUFFER_SIZE that wait for their next use. */
struct buffers {
	struct memory *memory;
	struct buffer_block *free;
	size_t nr_free;
};
void buffers_free(struct buffers *p);

struct buffer { /* all zero: none */
	char *at;
	uint32_t size, begin, end;
};

static inline size_t buffer_length(const struct buffer *b)
{
	return b->end - b->begin;
}
static inline size_t buffer_space(const struct buffer *b)
{
	return b->size - b->end;
}

/* Makes sure that there is one; false: no memory is left. */
bool buffer_take(struct buffers *p, struct buffer *b);
void buffer_give(struct buffers *p, struct buffer *b);
/* Into one of BUFFER_LARGE, its bytes at the same places. */
bool buffer_grow(struct buffers *p, struct buffer *b);
/* Moves the bytes to the begin, so that all the space is behind them. */
void buffer_pack(struct buffer *b);
/* Puts all of it or, when it has no space, nothing. */
bool buffer_put(struct buffer *b, const void *bytes, size_t size);

#endif
