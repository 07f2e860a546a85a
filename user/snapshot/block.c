// SPDX-License-Identifier: GPL-2.0
/* A block: a word that says what it is, the version of its form, scopes, and parts by number. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "snapshot/block.h"
#include "snapshot/coder.h"

#define BLOCK_MAGIC 0x4c425453 /* "STBL" */
#define BLOCK_VERSION 2	       /* another one with every change of what is walked */
#define LEAST_SCOPE 6	       /* bytes of the shortest one */
#define LEAST_REF 12

static void scope_code(struct coder *c, struct table_scope *x)
{
	x->number = code_u32(c, x->number);
	x->closed = code_bool(c, x->closed);
	x->refuse_unknown = code_bool(c, x->refuse_unknown);
}

/* What is borrowed goes on as bytes; none at all: the reader has the part. */
static void ref_code(struct coder *c, struct table_ref *x)
{
	x->id = (uint64_t)code_int(c, (int64_t)x->id, 8, INT64_MIN, INT64_MAX);
	x->bytes = code_span(c, x->bytes, &x->size);
}

static void table_code(struct coder *c, struct table *x)
{
	code_int(c, BLOCK_MAGIC, 4, BLOCK_MAGIC, BLOCK_MAGIC);
	code_int(c, BLOCK_VERSION, 4, BLOCK_VERSION, BLOCK_VERSION);
	x->number = code_u32(c, x->number);
	code_list(c, struct table_scope, x->scopes, x->nr_scopes, LEAST_SCOPE, scope_code);
	for (size_t i = 1; i < x->nr_scopes; i++)
		c->bad |= x->scopes[i - 1].number >= x->scopes[i].number;
	code_list(c, struct table_ref, x->parts, x->nr_parts, LEAST_REF, ref_code);
}

/* Walked twice, so that there is room for all of it from the start. */
int block_write(const struct table *t, void **bytes, size_t *size)
{
	struct coder measure = {0}, c = {0};
	struct table copy = *t;

	table_code(&measure, &copy);
	if (measure.bad || measure.nr > BLOCK_MAX)
		return measure.bad ? -EINVAL : -E2BIG;
	c.max = c.cap = measure.nr;
	c.out = xcalloc(1, c.cap);
	copy = *t;
	table_code(&c, &copy);
	*bytes = c.out;
	*size = c.nr;
	return 0;
}

int block_read(const void *bytes, size_t size, struct arena *arena, struct table **out)
{
	struct coder c = {.reading = true, .arena = arena, .from = bytes, .left = size};
	struct table t = {0};

	table_code(&c, &t);
	if (c.bad || c.left)
		return -EBADMSG;
	*out = arena_alloc(arena, sizeof(t));
	**out = t;
	return 0;
}

static int write_all(int fd, const char *at, size_t left)
{
	ssize_t n;

	for (; left; at += n, left -= (size_t)n) {
		n = write(fd, at, left);
		if (n == -1 && errno != EINTR)
			return -errno;
		n = n < 0 ? 0 : n;
	}
	return 0;
}

int block_memfd(const void *bytes, size_t size)
{
	int err, fd = memfd_create("shunt-table", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1)
		return -errno;
	err = write_all(fd, bytes, size);
	if (!err &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1)
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}
