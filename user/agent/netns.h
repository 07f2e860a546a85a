/* SPDX-License-Identifier: GPL-2.0 */
/* The network namespaces of this host: found, entered for a moment, and known by their cookies. */
#ifndef AGENT_NETNS_H
#define AGENT_NETNS_H

#include <sys/types.h>
#include <time.h>
#include "base/inet.h"
#include "base/vec.h"

struct netns {
	uint64_t cookie; /* 0: not entered yet */
	VEC(struct inet) addresses; /* neither loopback nor link-local */
	bool machine; /* a virtual machine's: it has a device that a process behind it reads */
	bool ours; /* made by who was root in the agent's user namespace, as runtimes are */
	char *pod, *scope; /* of callers.c: whose it is; NULL: nobody's, everyone's */
	char *claim;	   /* the pod that has its addresses; NULL: none, or several */
	bool yields;	   /* another one has them, too */

	ino_t inode;
	/* What has shown it since it was entered: while that stays it is no other with its inode. */
	pid_t pid; /* 0: none */
	char name[256];
	struct timespec named;
	/* What the last scan found first. */
	pid_t first_pid;
	char first_name[256];
	struct timespec first_named;
	uint64_t born, seen, kept, entered; /* numbers of scans */
	bool populated; /* a process was in it when it was last entered */
};

/* A process and where it was found. */
struct netns_process {
	pid_t pid;
	ino_t inode; /* 0: not to be read */
	uint64_t born; /* number of a scan */
};

struct netns_watch {
	VEC(struct netns *) list;
	VEC(struct netns_process) processes; /* in the order of /proc, which is that of pids */
	uint64_t scans;
	ino_t own; /* that of the agent */
	ino_t own_user; /* user namespace of the agent */
	dev_t nsfs;
	void (*gone)(uint64_t cookie, void *arg);
	void *arg;
};

/* -errno */
int netns_watch_open(struct netns_watch *w, void (*gone)(uint64_t cookie, void *arg), void *arg);
/*
 * Looks for namespaces in /proc and /run/netns. Those that are new, or may be another with the same
 * inode, are entered; and of those without a pod, whose address may be late: with `all` each, else
 * young ones, ones that a process has come into, and all others now and then.
 */
void netns_scan(struct netns_watch *w, bool all);
/* Where it was last found, to be entered; the caller frees. */
char *netns_path(const struct netns *n);
const struct netns *netns_find(const struct netns_watch *w, uint64_t cookie);
void netns_watch_close(struct netns_watch *w);

#endif
