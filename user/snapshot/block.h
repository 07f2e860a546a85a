/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table as one flat block of bytes, and back. The block is what crosses from the agent to the
 * proxy, in a sealed memfd; its reader trusts nothing in it.
 */
#ifndef SNAPSHOT_BLOCK_H
#define SNAPSHOT_BLOCK_H

#include "base/mem.h"
#include "snapshot/table.h"

#define BLOCK_MAX (256u << 20)

/*
 * The block of `t`; the caller frees *bytes. -E2BIG past BLOCK_MAX, -EINVAL for a table that
 * block_read would refuse.
 */
int block_write(const struct table *t, void **bytes, size_t *size);
/*
 * Reads a block; all of the result belongs to `arena`, nothing points into `bytes`. -EINVAL for
 * anything that block_write does not make: lengths, indexes, enums and sums out of range.
 */
int block_read(const void *bytes, size_t size, struct arena *arena, struct table **out);
/* A sealed, close-on-exec memfd with the bytes; -errno. */
int block_memfd(const void *bytes, size_t size);

#endif
