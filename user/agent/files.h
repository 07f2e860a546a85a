/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The folder of YAML files as a source of objects. A file counts only when its writer has closed
 * it; of a file with faults the good objects count, and a faulty one keeps its last good version.
 */
#ifndef AGENT_FILES_H
#define AGENT_FILES_H

#include "config/set.h"

struct files {
	char *dir;
	struct decode_options decode;
	int inotify;	     /* readable when something changed */
	int watch, above;    /* watches of the folder and of the one above it; -1: none */
	struct strmap files; /* name -> struct source_file * */
	struct strmap busy;  /* names of files that someone had open for writing */
	struct strmap gone;  /* names in `files` that the folder lacks -> since when, in ms */
	int unlisted;	     /* < 0: why the folder could not be listed when last tried */
	uint64_t list_again; /* then: when to try it again, in ms */
	struct strmap places; /* id of an object, faulty or not -> struct place * in `files` */
};

/* Watches `dir`, which may be missing, and reads what is there. */
int files_open(struct files *f, const char *dir, const struct decode_options *decode);
void files_close(struct files *f);
/*
 * Takes all events that wait and reads what they name, and what was busy; true when objects may
 * have changed. The kernel tells of a close just before the file counts as closed, and an editor
 * may save by moving the old file away first, so while files_pending() this is to be called again
 * soon, without an event.
 */
bool files_follow(struct files *f);
bool files_pending(const struct files *f);
/* Reads everything again. */
void files_read_all(struct files *f);
/* Adds all objects to `into`, in the order of file names; one that stands twice counts once. */
void files_fold(const struct files *f, struct config_set *into, struct diags *diags);
/* All that was found in the files, errors and warnings. */
void files_diags(const struct files *f, struct diags *out);
/* Whether an object stands in the folder, faulty or not, and where. */
bool files_find(const struct files *f, const char *id, struct place *where);

/* The id an object's diagnostic starts with ("Kind/namespace/name"); NULL: none. Caller frees. */
char *diag_object(const struct diag *d);

#endif
