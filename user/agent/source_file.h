/* SPDX-License-Identifier: GPL-2.0 */
/* One file of the folder: its objects as last read well, and what is wrong with it now. */
#ifndef AGENT_SOURCE_FILE_H
#define AGENT_SOURCE_FILE_H

#include "config/set.h"

struct source_file {
	char *path;
	VEC(struct object *) objects;
	struct diags diags;
};

struct source_file *source_file_new(const char *path);
void source_file_free(struct source_file *file);
/*
 * Reads it again. -EAGAIN: someone has it open for writing; -ENOENT: it is gone. In both cases
 * nothing changed. Any other fault stands in `diags`, and 0 is returned.
 */
int source_file_read(struct source_file *file, const struct decode_options *decode);
bool source_file_name(const char *name); /* *.yaml, *.yml, *.json, no dot in front */

#endif
