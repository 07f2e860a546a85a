// SPDX-License-Identifier: GPL-2.0
/* Bytes on their way through, in blocks that a worker uses again while they are warm. */
#include "proxy/buffer.h"
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define FREE_MAX 256 /* blocks that a worker keeps for itself */

struct buffer_block {
	struct buffer_block *next;
};

bool memory_take(struct memory *m, size_t size)
{
	if (atomic_fetch_add_explicit(&m->used, size, memory_order_relaxed) + size <= m->limit)
		return true;
	memory_give(m, size);
	return false;
}

void memory_give(struct memory *m, size_t size)
{
	atomic_fetch_sub_explicit(&m->used, size, memory_order_relaxed);
}

static void block_free(struct buffers *p, void *block, size_t size)
{
	free(block);
	memory_give(p->memory, size);
}

void buffers_free(struct buffers *p)
{
	while (p->free) {
		struct buffer_block *block = p->free;

		p->free = block->next;
		block_free(p, block, BUFFER_SIZE);
	}
	p->nr_free = 0;
}

bool buffer_take(struct buffers *p, struct buffer *b)
{
	struct buffer_block *block = p->free;

	if (b->at)
		return true;
	if (block) {
		p->free = block->next;
		p->nr_free--;
	} else {
		if (!memory_take(p->memory, BUFFER_SIZE))
			return false;
		block = xrealloc(NULL, BUFFER_SIZE, 1);
	}
	*b = (struct buffer){.at = (char *)block, .size = BUFFER_SIZE};
	return true;
}

void buffer_give(struct buffers *p, struct buffer *b)
{
	struct buffer_block *block = (struct buffer_block *)b->at;

	if (!block)
		return;
	if (b->size == BUFFER_SIZE && p->nr_free < FREE_MAX) {
		block->next = p->free;
		p->free = block;
		p->nr_free++;
	} else {
		block_free(p, block, b->size);
	}
	*b = (struct buffer){0};
}

bool buffer_grow(struct buffers *p, struct buffer *b)
{
	struct buffer large = *b;

	if (b->size == BUFFER_LARGE || !memory_take(p->memory, BUFFER_LARGE))
		return false;
	large.at = xrealloc(NULL, BUFFER_LARGE, 1);
	large.size = BUFFER_LARGE;
	memcpy(large.at + b->begin, b->at + b->begin, buffer_length(b));
	buffer_give(p, b);
	*b = large;
	return true;
}

void buffer_pack(struct buffer *b)
{
	size_t length = buffer_length(b);

	if (!b->begin)
		return;
	memmove(b->at, b->at + b->begin, length);
	b->begin = 0;
	b->end = (uint32_t)length;
}

bool buffer_put(struct buffer *b, const void *bytes, size_t size)
{
	if (size > buffer_space(b))
		return false;
	memcpy(b->at + b->end, bytes, size);
	b->end += (uint32_t)size;
	return true;
}
