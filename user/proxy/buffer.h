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
/* a head of the largest size allowed, and what is added to it; a step of a long body */
#define BUFFER_LARGE (72u << 10)

#define MEMORY_SPARE_SHARE 8

/* What all workers together may hold in buffers and connections, in bytes. */
struct memory {
	size_t limit;
	atomic_size_t used;
};
static inline void memory_use(struct memory *m, size_t size) /* whatever the limit */
{
	atomic_fetch_add_explicit(&m->used, size, memory_order_relaxed);
}
static inline void memory_give(struct memory *m, size_t size)
{
	atomic_fetch_sub_explicit(&m->used, size, memory_order_relaxed);
}
static inline bool memory_take(struct memory *m, size_t size) /* false: it would pass the limit */
{
	if (atomic_fetch_add_explicit(&m->used, size, memory_order_relaxed) + size <= m->limit)
		return true;
	memory_give(m, size);
	return false;
}
/* For what is new: it leaves a part of the limit to those that are there already. */
static inline bool memory_take_new(struct memory *m, size_t size)
{
	size_t spare = m->limit / MEMORY_SPARE_SHARE;

	if (!memory_take(m, size + spare))
		return false;
	memory_give(m, spare);
	return true;
}

/* One worker's blocks that wait for their next use. */
struct buffers {
	struct memory *memory;
	struct buffer_blocks {
		struct buffer_block *first;
		size_t nr;
	} free, free_large; /* of BUFFER_SIZE, of BUFFER_LARGE */
	bool refused; /* somebody got none since this was last cleared */
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
/* Into one of `size`, its bytes at the same places; false: it is as large, or no memory is left. */
bool buffer_grow(struct buffers *p, struct buffer *b, uint32_t size);
/* Moves the bytes to the begin, so that all the space is behind them. */
void buffer_pack(struct buffer *b);
/* Puts all of it or, when it has no space, nothing. */
bool buffer_put(struct buffer *b, const void *bytes, size_t size);

#endif
