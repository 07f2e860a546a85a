// SPDX-License-Identifier: GPL-2.0
/* Opens the access log for the proxy, and follows its rotation. */
#include "agent/access_file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/agent.h"
#include "agent/proxy_child.h"
#include "base/log.h"

#define LOOK_MS 1000

/*
 * Never waits: neither here, nor whoever writes. Our standard output gets a description of its own,
 * so that what it is shared with does not change; a socket has none, and is written to without
 * waiting anyway.
 */
static int target_open(const char *path)
{
	const int how = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	bool out = !strcmp(path, "-") || !strcmp(path, "/dev/stdout");
	int fd = open(out ? "/proc/self/fd/1" : path, how, 0640);

	if (fd == -1 && out && errno == ENXIO)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	else if (fd == -1 && errno == ENXIO) /* a FIFO that nobody reads */
		fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	return fd == -1 ? -errno : fd;
}

void access_file_tell(struct agent *a, struct proxy_child *c)
{
	const struct control_message m = {.kind = CONTROL_LOG};

	if (a->access.fd != -1)
		proxy_child_tell(c, &m, a->access.fd);
}

/* The one that is there now; the old one stays when there is none. */
static int file_change(struct agent *a)
{
	int fd = target_open(a->options->access_log);
	struct stat st;

	if (fd < 0)
		return fd;
	if (a->access.fd != -1)
		close(a->access.fd);
	a->access.fd = fd;
	if (!fstat(fd, &st)) {
		a->access.device = st.st_dev;
		a->access.inode = st.st_ino;
	}
	return 0;
}

void access_file_reopen(struct agent *a)
{
	int err;

	if (!a->options->access_log)
		return;
	err = file_change(a);
	if (err && !a->access.failed)
		log_error("the access log %s: %s; the old one goes on", a->options->access_log,
			  strerror(-err));
	a->access.failed = err;
	if (err)
		return;
	if (a->proxy.child)
		access_file_tell(a, a->proxy.child);
	if (a->proxy.former)
		access_file_tell(a, a->proxy.former);
	for (struct proxy_child *c = a->proxy.draining; c; c = c->next)
		access_file_tell(a, c);
}

static void look_expired(void *arg)
{
	struct agent *a = arg;
	struct stat st;

	if (!stat(a->options->access_log, &st) && st.st_dev == a->access.device &&
	    st.st_ino == a->access.inode)
		return;
	access_file_reopen(a);
}

int access_file_open(struct agent *a)
{
	const char *path = a->options->access_log;
	int err;

	if (!path)
		return 0;
	err = file_change(a);
	if (!err)
		err = loop_timer(a->loop, look_expired, a, &a->access.look);
	if (err)
		log_error("the access log %s: %s", path, strerror(-err));
	else if (strcmp(path, "-"))
		loop_timer_set(a->access.look, LOOK_MS, LOOK_MS);
	return err;
}

void access_file_close(struct agent *a)
{
	if (a->access.look)
		loop_timer_remove(a->access.look);
	if (a->access.fd != -1)
		close(a->access.fd);
}
