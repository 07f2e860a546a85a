// SPDX-License-Identifier: GPL-2.0
/* All of one host as bytes, and back. */
#include <errno.h>
#include <stdlib.h>
#include "snapshot/block.h"
#include "snapshot/codes.h"

#define LEAST_ENTRY 26

static void entry_code(struct coder *c, struct table_entry *x)
{
	code_bytes(c, x->address.byte, sizeof(x->address.byte));
	x->port = code_u16(c, x->port);
	x->scope = code_u32(c, x->scope);
	x->at = code_u32(c, x->at);
}

static void part_code(struct coder *c, struct table_part *x)
{
	x->host = code_text(c, x->host);
	code_list(c, struct table_cluster, x->clusters, x->nr_clusters, LEAST_CLUSTER,
		  code_cluster);
	c->clusters = x->clusters;
	c->nr_clusters = x->nr_clusters;
	code_list(c, struct table_port, x->ports, x->nr_ports, LEAST_PORT, code_port);
	code_list(c, struct table_entry, x->entries, x->nr_entries, LEAST_ENTRY, entry_code);
	for (size_t i = 0; i < x->nr_entries; i++)
		c->bad |= x->entries[i].at >= x->nr_ports;
}

int part_write(const struct table_part *p, void **bytes, size_t *size)
{
	struct coder c = {.max = BLOCK_MAX};
	struct table_part copy = *p;

	part_code(&c, &copy);
	if (c.bad || c.nr > c.max) {
		free(c.out);
		return c.bad ? -EINVAL : -E2BIG;
	}
	*bytes = c.out;
	*size = c.nr;
	return 0;
}

int part_read(const void *bytes, size_t size, struct arena *arena, struct table_part **out)
{
	struct coder c = {.reading = true, .arena = arena, .from = bytes, .left = size};
	struct table_part p = {0};

	part_code(&c, &p);
	if (c.bad || c.left)
		return -EBADMSG;
	*out = arena_alloc(arena, sizeof(p));
	**out = p;
	return 0;
}
