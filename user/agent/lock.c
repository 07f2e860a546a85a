// SPDX-License-Identifier: GPL-2.0
/* Holds the lock of one root, so that two agents never write the same maps. */
#include "agent/lock.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

static pid_t owner_read(int fd)
{
	char text[32] = "";
	long pid;

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	pid = strtol(text, NULL, 10);
	return pid > 1 && pid < 1 << 30 ? (pid_t)pid : 0;
}

/* Whether the file that was locked still has its name: `unload` removes it. */
static bool still_named(const struct lock *l)
{
	struct stat here, there;

	return !fstat(l->fd, &here) && !stat(l->path, &there) && here.st_ino == there.st_ino &&
	       here.st_dev == there.st_dev;
}

int lock_take(const char *root, struct lock *out)
{
	int err;

	*out = (struct lock){.fd = -1};
	snprintf(out->path, sizeof(out->path), "/run/%s.lock", root);
	do {
		if (out->fd != -1)
			close(out->fd);
		out->fd = open(out->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (out->fd == -1)
			return -errno;
		if (flock(out->fd, LOCK_EX | LOCK_NB) == -1) {
			err = errno == EWOULDBLOCK ? -EBUSY : -errno;
			out->owner = owner_read(out->fd);
			close(out->fd);
			out->fd = -1;
			return err;
		}
	} while (!still_named(out));
	if (ftruncate(out->fd, 0) == -1 || dprintf(out->fd, "%d\n", (int)getpid()) < 0) {
		err = -errno;
		lock_drop(out, false);
		return err;
	}
	return 0;
}

/* Waits until the process is gone; a pidfd, so that a reused pid is never hit. */
static int owner_end(struct lock *l, const char *root)
{
	struct pollfd p = {.events = POLLIN};
	pid_t owner = l->owner;
	int err = 0;

	if (!owner)
		return -ESRCH;
	p.fd = pidfd_open(owner, 0);
	if (p.fd == -1)
		return errno == ESRCH ? 0 : -errno;
	/* The pid was read before the pidfd was opened: only its owner still holds the lock. */
	if (lock_take(root, l) == 0 || l->owner != owner) {
		close(p.fd);
		return 0;
	}
	if (pidfd_send_signal(p.fd, SIGTERM, NULL, 0) == -1 && errno != ESRCH)
		err = -errno;
	else if (poll(&p, 1, 30000) == 0)
		err = -ETIMEDOUT;
	close(p.fd);
	return err;
}

int lock_take_over(const char *root, struct lock *out)
{
	int err = lock_take(root, out);

	if (err != -EBUSY)
		return err;
	err = owner_end(out, root);
	if (err || out->fd != -1)
		return err;
	return lock_take(root, out);
}

void lock_drop(struct lock *l, bool remove)
{
	if (l->fd == -1)
		return;
	if (remove)
		unlink(l->path);
	close(l->fd);
	l->fd = -1;
}
