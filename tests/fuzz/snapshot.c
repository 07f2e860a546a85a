// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzes the reading of blocks: any bytes are refused, or give a table that is written as the same
 * bytes again; either way memory is bound by their number.
 */
#include <stdlib.h>
#include <string.h>
#include "../unit/snapshot_full.h"
#include "snapshot/block.h"

#define HEAD 8 /* magic and version, without which nothing behind them is looked at */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct table *t;
	void *bytes;
	size_t nr;

	if (!block_read(data, size, arena, &t)) {
		if (block_write(t, &bytes, &nr) || nr != size || memcmp(bytes, data, size))
			abort();
		free(bytes);
	}
	if (arena_bytes(arena) > 64 * size + (1 << 20))
		abort();
	arena_free(arena);
	return 0;
}

/* What is no block becomes one in which everything is given. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	void *full;
	size_t nr;

	(void)seed;
	if (block_write(&full_table, &full, &nr))
		abort();
	if (nr <= max_size && (size < HEAD || memcmp(data, full, HEAD))) {
		memcpy(data, full, nr);
		size = nr;
	}
	size = LLVMFuzzerMutate(data, size, max_size);
	if (size >= HEAD)
		memcpy(data, full, HEAD);
	free(full);
	return size;
}
