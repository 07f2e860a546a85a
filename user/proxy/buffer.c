// SPDX-License-Identifier: GPL-2.0
/* Bytes on their way through, in blocks that a worker uses again while they are warm. */
#include "proxy/buffer.h"
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define FREE_MAX 256 /* blocks that a worker keeps for itself */
#define FREE_LARGE_MAX 16

struct buffer_block {
	struct buffer_block *next;
};

/* NULL: the size has none. */
static struct buffer_blocks *blocks_of(struct buffers *p, size_t size)
{
	return size == BUFFER_SIZE ? &p->free : size == BUFFER_LARGE ? &p->free_large : NULL;
}

/* NULL: no memory is left. */
static void *block_get(struct buffers *p, size_t size)
{
	struct buffer_blocks *free = blocks_of(p, size);
	struct buffer_block *block = free ? free->first : NULL;

	if (block) {
		free->first = block->next;
		free->nr--;
		return block;
	}
	if (memory_take(p->memory, size))
		return xrealloc(NULL, size, 1);
	p->refused = true;
	return NULL;
}

static void block_free(struct buffers *p, void *block, size_t size)
{
	free(block);
	memory_give(p->memory, size);
}

static void blocks_free(struct buffers *p, struct buffer_blocks *b, size_t size)
{
	while (b->first) {
		struct buffer_block *block = b->first;

		b->first = block->next;
		block_free(p, block, size);
	}
	b->nr = 0;
}

void buffers_free(struct buffers *p)
{
	blocks_free(p, &p->free, BUFFER_SIZE);
	blocks_free(p, &p->free_large, BUFFER_LARGE);
}

bool buffer_take(struct buffers *p, struct buffer *b)
{
	void *block;

	if (b->at)
		return true;
	block = block_get(p, BUFFER_SIZE);
	if (!block)
		return false;
	*b = (struct buffer){.at = block, .size = BUFFER_SIZE};
	return true;
}

void buffer_give(struct buffers *p, struct buffer *b)
{
	struct buffer_block *block = (struct buffer_block *)b->at;
	struct buffer_blocks *free = blocks_of(p, b->size);

	if (!block)
		return;
	if (free && free->nr < (b->size == BUFFER_SIZE ? FREE_MAX : FREE_LARGE_MAX)) {
		block->next = free->first;
		free->first = block;
		free->nr++;
	} else {
		block_free(p, block, b->size);
	}
	*b = (struct buffer){0};
}

bool buffer_grow(struct buffers *p, struct buffer *b, uint32_t size)
{
	struct buffer large = *b;

	if (b->size >= size)
		return false;
	large.at = block_get(p, size);
	if (!large.at)
		return false;
	large.size = size;
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
