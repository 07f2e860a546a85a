/* SPDX-License-Identifier: GPL-2.0 */
/* Moves a process to where it shall run: a network namespace with its hosts file, a cgroup. */
#ifndef TOOLS_PLACE_H
#define TOOLS_PLACE_H

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "buf.h"

static inline void enter_cgroup(const char *path)
{
	char file[4096];
	int fd;

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		die(1, "client: %s: %m", file);
	close(fd);
}

/* Names resolve as `ip netns exec` has it: /etc/netns/NAME/FILE stands in for /etc/FILE. */
static inline void enter_netns(const char *name)
{
	static const char *const files[] = { "hosts", "resolv.conf" };
	char from[4096], to[64];
	int fd;

	snprintf(from, sizeof(from), "/run/netns/%s", name);
	fd = open(from, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(1, "client: %s: %m", from);
	close(fd);
	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_SLAVE | MS_REC, NULL))
		die(1, "client: mount namespace: %m");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(from, sizeof(from), "/etc/netns/%s/%s", name, files[i]);
		snprintf(to, sizeof(to), "/etc/%s", files[i]);
		if (!access(from, F_OK) && mount(from, to, NULL, MS_BIND, NULL))
			die(1, "client: bind %s: %m", to);
	}
}

#endif
