/* SPDX-License-Identifier: GPL-2.0 */
/* Objects that were applied, each in a file of its own, and the addresses that were given out. */
#ifndef AGENT_STATE_H
#define AGENT_STATE_H

#include "config/set.h"
#include "plan/plan.h"

struct state {
	char *dir;
	struct strmap objects; /* id -> struct object *, one reference each */
	struct diags rejected; /* files that could not be read back; they are left alone */
	VEC(int) unsynced;     /* descriptors of files that are renamed, not yet on disk */
};

/* Makes the folder when it is missing and reads what is there. 0 or -errno. */
int state_open(struct state *s, const char *dir);
void state_close(struct state *s);

/*
 * A change in two steps, so that nothing is in force that could not be written: the first writes
 * files beside the right names, the second renames them (or removes them) and takes references.
 */
int state_prepare(struct state *s, struct object *const *put, size_t nr_put);
int state_commit(struct state *s, struct object *const *put, size_t nr_put,
		 struct object *const *gone, size_t nr_gone);
void state_abort(struct state *s, struct object *const *put, size_t nr_put);
char *state_path(const struct state *s, const struct object *o); /* the caller frees */
/* Waits for the disk; to be called after the answer is out. */
void state_sync(struct state *s);

int state_read_addresses(struct state *s, struct addresses *a); /* -ENOENT: none yet */
int state_write_addresses(struct state *s, const struct addresses *a);

/* A whole regular file of at most `most` bytes; the caller frees *text, which ends with a NUL. */
int file_read(int fd, size_t most, char **text, size_t *length);

#endif
