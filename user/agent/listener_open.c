// SPDX-License-Identifier: GPL-2.0
/* The child that opens listeners, and what it sends to the agent. */
#include "agent/listener_open.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "agent/agent.h"
#include "agent/proxy_child.h"
#include "base/log.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define BACKLOG 4096 /* the kernel lowers it to somaxconn */

union passing { /* descriptors beside a pair, of ports that are not 0 */
	char bytes[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr align;
};

/* ---- the child ---- */

static int open_listener(int family, uint16_t *port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
	} sa = {.any.sa_family = (sa_family_t)family};
	socklen_t size = family == AF_INET ? sizeof(sa.ipv4) : sizeof(sa.ipv6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return -1;
	if (family == AF_INET)
		sa.ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		sa.ipv6.sin6_addr = in6addr_loopback;
	if (bind(fd, &sa.any, size) || listen(fd, BACKLOG) || getsockname(fd, &sa.any, &size)) {
		close(fd); /* a namespace without that family, or whose loopback is down */
		return -1;
	}
	*port = ntohs(family == AF_INET ? sa.ipv4.sin_port : sa.ipv6.sin6_port);
	return fd;
}

static void pair_send(int to, struct listener_pair *p)
{
	struct iovec iov = {p, sizeof(*p)};
	union passing passing = {0};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = passing.bytes};
	struct cmsghdr *c;
	int list[2], nr = 0;

	for (int i = 0; i < 2; i++)
		if (p->fds[i] != -1)
			list[nr++] = p->fds[i];
	h.msg_controllen = nr ? CMSG_SPACE((size_t)nr * sizeof(int)) : 0;
	c = CMSG_FIRSTHDR(&h);
	if (c) {
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)nr * sizeof(int));
		memcpy(CMSG_DATA(c), list, (size_t)nr * sizeof(int));
	}
	sendmsg(to, &h, MSG_NOSIGNAL);
}

int netns_cookie_own(uint64_t *cookie)
{
	socklen_t size = sizeof(*cookie);
	int err = 0, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size))
		err = -errno;
	if (fd != -1)
		close(fd);
	return err;
}

static void open_at(const struct listener_wish *wish, int to)
{
	struct listener_pair p = {.netns = wish->netns, .captured = wish->captured};
	int ns = open(wish->path, O_RDONLY | O_CLOEXEC);
	uint64_t netns;

	if (ns == -1 || setns(ns, CLONE_NEWNET) || netns_cookie_own(&netns) ||
	    (!wish->captured && netns != wish->netns))
		return; /* it went meanwhile */
	close(ns);
	p.fds[0] = open_listener(AF_INET, &p.ports[0]);
	p.fds[1] = open_listener(AF_INET6, &p.ports[1]);
	pair_send(to, &p);
	for (int i = 0; i < 2; i++)
		if (p.fds[i] != -1)
			close(p.fds[i]);
}

static void child_run(struct agent *a, const struct listener_wish *wishes, size_t nr, int to)
{
	int procs = proxy_procs_open(a, O_WRONLY);

	if (procs < 0 || write(procs, "0", 1) != 1)
		_exit(1);
	for (size_t i = 0; i < nr; i++)
		open_at(&wishes[i], to);
	_exit(0);
}

/* ---- the agent ---- */

static bool pair_receive(int from, struct listener_pair *p)
{
	struct iovec iov = {p, sizeof(*p)};
	union passing passing;
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = passing.bytes,
			   .msg_controllen = sizeof(passing.bytes)};
	size_t nr = 0, taken = 0;
	struct cmsghdr *c;
	int fds[2];

	if (recvmsg(from, &h, MSG_CMSG_CLOEXEC) != sizeof(*p))
		return false;
	c = CMSG_FIRSTHDR(&h);
	if (c) {
		nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), nr * sizeof(int));
	}
	/* There may be fewer than were sent: as many as the agent may have. */
	for (int i = 0; i < 2; i++) {
		if (taken == nr)
			p->ports[i] = 0;
		p->fds[i] = p->ports[i] ? fds[taken++] : -1;
	}
	return true;
}

void listener_pairs_open(struct agent *a, const struct listener_wish *wishes, size_t nr,
			 void (*take)(struct agent *a, const struct listener_pair *pair))
{
	struct listener_pair p;
	int ends[2], status = 0;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		log_error("listeners of the proxy: %s", strerror(errno));
		return;
	}
	child = fork();
	if (child == 0)
		child_run(a, wishes, nr, ends[1]);
	close(ends[1]);
	while (child > 0 && pair_receive(ends[0], &p))
		take(a, &p);
	close(ends[0]);
	if (child == -1 || waitpid(child, &status, 0) != child || status)
		log_error("no listeners of the proxy could be opened in its cgroup");
}
