// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzes the reading of blocks and of parts, by the first byte: any bytes are refused, or give what
 * is written as the same bytes again; either way memory is bound by their number.
 */
#include <stdlib.h>
#include <string.h>
#include "../unit/snapshot_full.h"
#include "snapshot/block.h"

#define HEAD 9 /* the first byte, magic and version, without which nothing behind is looked at */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static int read_and_write(const uint8_t *data, size_t size, bool block, struct arena *arena,
			  void **bytes, size_t *nr)
{
	struct table_part *p;
	struct table *t;

	if (block)
		return block_read(data, size, arena, &t) || block_write(t, bytes, nr);
	return part_read(data, size, arena, &p) || part_write(p, bytes, nr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	void *bytes = NULL;
	size_t nr;

	if (!size) {
		arena_free(arena);
		return -1;
	}
	if (!read_and_write(data + 1, size - 1, *data & 1, arena, &bytes, &nr)) {
		if (nr != size - 1 || memcmp(bytes, data + 1, nr))
			abort();
		free(bytes);
	}
	if (arena_bytes(arena) > 64 * size + (1 << 20))
		abort();
	arena_free(arena);
	return 0;
}

/* One in which everything is given. */
static size_t full_of(bool block, uint8_t *data, size_t max_size)
{
	void *full;
	size_t nr;

	if (block ? block_write(&full_table, &full, &nr) : part_write(&full_part, &full, &nr))
		abort();
	nr = nr < max_size ? nr : max_size - 1;
	*data = block;
	memcpy(data + 1, full, nr);
	free(full);
	return nr + 1;
}

/* What is too short to be anything becomes such a one; a block keeps its head. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	uint8_t head[HEAD];

	if (size < HEAD || (*data & 1 && memcmp(data + 1, "STBL", 4)))
		size = full_of(seed & 1, data, max_size);
	if (size < HEAD)
		return size;
	memcpy(head, data, HEAD);
	size = LLVMFuzzerMutate(data, size, max_size);
	if (size >= HEAD && *head & 1)
		memcpy(data, head, HEAD);
	return size;
}
