// SPDX-License-Identifier: GPL-2.0
/* Sends and receives the messages between agent and proxy. */
#include "proxy/control.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union passing { /* one descriptor beside a message */
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int control_send(int socket, const struct control_message *m, int passed)
{
	struct iovec iov = {(void *)m, sizeof(*m)};
	union passing passing = {0};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (passed != -1) {
		h.msg_control = passing.bytes;
		h.msg_controllen = sizeof(passing.bytes);
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &passed, sizeof(int));
	}
	return sendmsg(socket, &h, MSG_NOSIGNAL) == -1 ? -errno : 0;
}

static int passed_of(struct msghdr *h)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

int control_receive(int socket, struct control_message *m, int *passed)
{
	struct iovec iov = {m, sizeof(*m)};
	union passing passing;
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = passing.bytes,
			   .msg_controllen = sizeof(passing.bytes)};
	ssize_t n = recvmsg(socket, &h, MSG_CMSG_CLOEXEC);

	*passed = -1;
	if (n == -1)
		return -errno;
	if (!n)
		return 0;
	*passed = passed_of(&h);
	if (n == sizeof(*m) && !(h.msg_flags & MSG_TRUNC) &&
	    memchr(m->caller, '\0', sizeof(m->caller)))
		return 1; /* without what it passed, where no descriptor was left for it */
	if (*passed != -1)
		close(*passed);
	*passed = -1;
	return -EBADMSG;
}
