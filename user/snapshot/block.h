/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table as one flat block of bytes, and back. The block is what crosses from the agent to the
 * proxy, in a sealed memfd; its reader trusts nothing in it. Parts are blocks within it that are
 * read one by one, as most of them stay what they were.
 */
#ifndef SNAPSHOT_BLOCK_H
#define SNAPSHOT_BLOCK_H

#include "base/mem.h"
#include "snapshot/table.h"

#define BLOCK_MAX (256u << 20)

/*
 * A part as bytes, which the caller frees. -E2BIG past BLOCK_MAX, -EINVAL for one that part_read
 * would refuse.
 */
int part_write(const struct table_part *p, void **bytes, size_t *size);
/*
 * Reads a part; all of the result belongs to `arena`, nothing points into `bytes`. -EBADMSG for
 * anything that part_write does not make: lengths, indexes, enums and sums out of range.
 */
int part_read(const void *bytes, size_t size, struct arena *arena, struct table_part **out);

/* The block of `t`, as above; the bytes of parts are not looked at. */
int block_write(const struct table *t, void **bytes, size_t *size);
/* Reads a block, as above, but that the parts' bytes are those of the block. */
int block_read(const void *bytes, size_t size, struct arena *arena, struct table **out);
/* A sealed, close-on-exec memfd with the bytes; -errno. */
int block_memfd(const void *bytes, size_t size);

#endif
