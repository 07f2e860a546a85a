/* SPDX-License-Identifier: GPL-2.0 */
/* A spliced connection broken off, where its socket is. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "datapath/end.h"
#include "datapath/splice.h"

/* A file that names the namespace: of any process in it, or one that `ip netns` keeps. */
static int netns_open(uint32_t inode, const char *folder, const char *below)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	struct stat st;
	int fd = -1;

	while (dir && fd < 0 && (e = readdir(dir))) {
		char path[512];

		if (*below && !isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s/%s%s", folder, e->d_name, below);
		if (!stat(path, &st) && st.st_ino == inode)
			fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (dir)
		closedir(dir);
	return fd;
}

static int reset_there(const struct spliced *row)
{
	struct leaving l = {.cookie = row->cookie, .family = row->family, .device = row->device,
			    .protocol = IPPROTO_TCP, .local_port = row->port,
			    .remote_port = row->peer_port};
	int fd = netns_open(row->netns, "/proc", "/ns/net");

	if (fd < 0)
		fd = netns_open(row->netns, "/run/netns", "");
	if (fd < 0)
		return -ENOENT;
	if (setns(fd, CLONE_NEWNET))
		return -errno;
	memcpy(l.local, row->address + (row->family == AF_INET ? 12 : 0), row->family == AF_INET ? 4 : 16);
	memcpy(l.remote, row->peer + (row->family == AF_INET ? 12 : 0), row->family == AF_INET ? 4 : 16);
	return sockets_destroy(&l, 1);
}

/* In a child, as the namespace is the calling thread's. */
int splice_reset(const struct spliced *row)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(-reset_there(row));
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}
