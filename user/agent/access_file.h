/* SPDX-License-Identifier: GPL-2.0 */
/* The file of the access log: opened here, as the proxy may not, and opened anew once it is renamed. */
#ifndef AGENT_ACCESS_FILE_H
#define AGENT_ACCESS_FILE_H

#include <stdbool.h>
#include <sys/types.h>

struct agent;
struct loop_source;
struct proxy_child;

struct access_file {
	int fd; /* -1: none, or it cannot be opened */
	dev_t device;
	ino_t inode;
	bool failed; /* to be opened anew, which has been said */
	struct loop_source *look;
};

/* -errno when the options name a file that cannot be opened; said. */
int access_file_open(struct agent *a);
void access_file_close(struct agent *a);
/* A file of that name is made if it is not there; all proxies go on in it. */
void access_file_reopen(struct agent *a);
/* To a process that starts. */
void access_file_tell(struct agent *a, struct proxy_child *c);

#endif
