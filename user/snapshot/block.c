// SPDX-License-Identifier: GPL-2.0
/* A block: a word that says what it is, the version of its form, then the table from end to end. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "snapshot/block.h"
#include "snapshot/codes.h"

#define BLOCK_MAGIC 0x4c425453 /* "STBL" */
#define BLOCK_VERSION 1	       /* another one with every change of what is walked */

static void entry_code(struct coder *c, struct table_entry *x)
{
	code_bytes(c, x->address.byte, sizeof(x->address.byte));
	x->port = code_u16(c, x->port);
	x->scope = code_u32(c, x->scope);
	x->at = code_u32(c, x->at);
}

static void scope_code(struct coder *c, struct table_scope *x)
{
	x->number = code_u32(c, x->number);
	x->closed = code_bool(c, x->closed);
	x->refuse_unknown = code_bool(c, x->refuse_unknown);
}

static void table_code(struct coder *c, struct table *x)
{
	code_int(c, BLOCK_MAGIC, 4, BLOCK_MAGIC, BLOCK_MAGIC);
	code_int(c, BLOCK_VERSION, 4, BLOCK_VERSION, BLOCK_VERSION);
	x->number = code_u32(c, x->number);
	code_list(c, struct table_cluster, x->clusters, x->nr_clusters, LEAST_CLUSTER,
		  code_cluster);
	c->clusters = x->clusters;
	c->nr_clusters = x->nr_clusters;
	code_list(c, struct table_port, x->ports, x->nr_ports, LEAST_PORT, code_port);
	code_list(c, struct table_entry, x->entries, x->nr_entries, 26, entry_code);
	for (size_t i = 0; i < x->nr_entries; i++)
		c->bad |= x->entries[i].at >= x->nr_ports;
	code_list(c, struct table_scope, x->scopes, x->nr_scopes, 6, scope_code);
	for (size_t i = 1; i < x->nr_scopes; i++)
		c->bad |= x->scopes[i - 1].number >= x->scopes[i].number;
}

int block_write(const struct table *t, void **bytes, size_t *size)
{
	struct coder c = {.max = BLOCK_MAX};
	struct table copy = *t;

	table_code(&c, &copy);
	if (c.bad || c.nr > c.max) {
		free(c.out);
		return c.bad ? -EINVAL : -E2BIG;
	}
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
		return -EINVAL;
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
