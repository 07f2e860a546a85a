// SPDX-License-Identifier: GPL-2.0
/*
 * Opens listeners in network namespaces. A socket belongs to the cgroup that it was made in, and
 * the proxy's getsockopt program looks at that: so a child joins the proxy's cgroup, goes from
 * namespace to namespace, and sends back what it opened.
 */
#include "agent/listeners.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
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
#define TRIED_SCANS 20

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

/* What the child sends: where it has been; beside it the descriptors of ports that are not 0. */
struct opened {
	uint64_t netns;
	uint16_t ports[2];
};
union passing {
	char bytes[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr align;
};

static void send_opened(int to, struct opened *o, const int fds[2])
{
	struct iovec iov = {o, sizeof(*o)};
	union passing passing = {0};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = passing.bytes};
	struct cmsghdr *c;
	int list[2], nr = 0;

	for (int i = 0; i < 2; i++)
		if (fds[i] != -1)
			list[nr++] = fds[i];
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

/* Of the network namespace it is in; -errno. */
static int own_cookie(uint64_t *cookie)
{
	socklen_t size = sizeof(*cookie);
	int err = 0, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size))
		err = -errno;
	if (fd != -1)
		close(fd);
	return err;
}

static void open_at(const char *path, int to)
{
	int fds[2], ns = open(path, O_RDONLY | O_CLOEXEC);
	struct opened o = {0};

	if (ns == -1 || setns(ns, CLONE_NEWNET) || own_cookie(&o.netns))
		return; /* it went meanwhile */
	close(ns);
	fds[0] = open_listener(AF_INET, &o.ports[0]);
	fds[1] = open_listener(AF_INET6, &o.ports[1]);
	send_opened(to, &o, fds);
	for (int i = 0; i < 2; i++)
		if (fds[i] != -1)
			close(fds[i]);
}

struct paths {
	VEC(char *) list;
};

static void child_run(struct agent *a, const struct paths *paths, int to)
{
	int procs = proxy_procs_open(a, O_WRONLY);

	if (procs < 0 || write(procs, "0", 1) != 1)
		_exit(1);
	for (size_t i = 0; i < paths->list.nr; i++)
		open_at(paths->list.at[i], to);
	_exit(0);
}

/* ---- the agent ---- */

static struct listener_place *place_find(struct agent *a, uint64_t netns)
{
	struct listener_place *p;

	vec_each(&a->proxy.listeners.list, p)
		if (p->netns == netns)
			return p;
	return NULL;
}

static bool take_opened(struct agent *a, int from)
{
	struct opened o;
	struct iovec iov = {&o, sizeof(o)};
	union passing passing;
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = passing.bytes,
			   .msg_controllen = sizeof(passing.bytes)};
	struct listener_place p = {.fds = {-1, -1}}, *known;
	struct cmsghdr *c;
	int fds[2], nr = 0;

	if (recvmsg(from, &h, MSG_CMSG_CLOEXEC) != sizeof(o))
		return false;
	c = CMSG_FIRSTHDR(&h);
	if (c)
		memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	p.netns = o.netns;
	p.tried = a->callers.watch.scans;
	for (int i = 0; i < 2; i++) {
		p.ports[i] = o.ports[i];
		if (o.ports[i])
			p.fds[i] = fds[nr++];
	}
	known = place_find(a, p.netns);
	if (!known) {
		vec_push(&a->proxy.listeners.list, p);
		return true;
	}
	free(known->caller); /* it had none, so nobody was told */
	*known = p;
	return true;
}

static void open_all(struct agent *a, const struct paths *paths)
{
	int pair[2], status = 0;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		log_error("listeners of the proxy: %s", strerror(errno));
		return;
	}
	child = fork();
	if (child == 0)
		child_run(a, paths, pair[1]);
	close(pair[1]);
	while (child > 0 && take_opened(a, pair[0]))
		;
	close(pair[0]);
	if (child == -1 || waitpid(child, &status, 0) != child || status)
		log_error("no listeners of the proxy could be opened in its cgroup");
}

/* ---- who calls ---- */

/* The new one before the old one ends: somebody always accepts. */
static void place_tell(struct agent *a, struct listener_place *p)
{
	struct control_message gone = {.kind = CONTROL_LISTENER_GONE};
	struct control_message m = {.kind = CONTROL_LISTENER, .scope = p->scope};

	snprintf(m.caller, sizeof(m.caller), "%s", p->caller);
	for (int i = 0; i < 2; i++) {
		if (p->fds[i] == -1)
			continue;
		gone.id = p->ids[i];
		m.id = p->ids[i] = ++a->proxy.listeners.last_id;
		agent_proxy_tell(a, &m, p->fds[i]);
		if (gone.id)
			agent_proxy_tell(a, &gone, -1);
	}
}

static void place_point(struct agent *a, const struct listener_place *p)
{
	int err = datapath_listener_set(a->dp, p->netns, p->ports[0], p->ports[1]);

	if (err)
		log_error("%s is not steered to the proxy: %s", *p->caller ? p->caller : "the host",
			  strerror(-err));
}

static void place_end(struct agent *a, struct listener_place *p)
{
	struct control_message gone = {.kind = CONTROL_LISTENER_GONE};

	datapath_listener_set(a->dp, p->netns, 0, 0);
	for (int i = 0; i < 2; i++) {
		gone.id = p->ids[i];
		if (gone.id)
			agent_proxy_tell(a, &gone, -1);
		if (p->fds[i] != -1)
			close(p->fds[i]);
	}
	free(p->caller);
}

/* Who calls there, NULL: nobody that it listens for. */
static const char *caller_at(const struct agent *a, uint64_t netns, uint32_t *scope)
{
	const struct netns *n = netns_find(&a->callers.watch, netns);

	*scope = SCOPE_HOST;
	if (netns == a->proxy.listeners.own)
		return "";
	if (!n || !n->pod)
		return NULL;
	*scope = n->scope ? datapath_scope_number(a->dp, n->scope) : SCOPE_ALL;
	return n->pod;
}

static void place_follow(struct agent *a, struct listener_place *p)
{
	uint32_t scope;
	const char *caller = caller_at(a, p->netns, &scope);

	p->wanted = caller != NULL;
	if (!caller || (p->caller && p->scope == scope && !strcmp(p->caller, caller)))
		return;
	free(p->caller);
	p->caller = xstrdup(caller);
	p->scope = scope;
	place_tell(a, p);
	if (agent_proxy_serves(a))
		place_point(a, p);
}

/* A namespace whose loopback is down is tried again now and then. */
static bool is_missing(struct agent *a, uint64_t netns)
{
	const struct listener_place *p = place_find(a, netns);

	return !p || (p->fds[0] == -1 && p->fds[1] == -1 &&
		      a->callers.watch.scans - p->tried >= TRIED_SCANS);
}

static void find_missing(struct agent *a, struct paths *out)
{
	const struct netns_watch *w = &a->callers.watch;

	if (is_missing(a, a->proxy.listeners.own))
		vec_push(&out->list, xstrdup("/proc/self/ns/net"));
	for (size_t i = 0; i < w->list.nr; i++) {
		const struct netns *n = w->list.at[i];

		if (n->pod && n->cookie && is_missing(a, n->cookie))
			vec_push(&out->list, netns_path(n));
	}
}

void listeners_follow(struct agent *a)
{
	struct listeners *l = &a->proxy.listeners;
	struct paths missing = {0};
	struct listener_place *p;
	char **path;

	if (!a->proxy.wanted)
		return;
	find_missing(a, &missing);
	if (missing.list.nr)
		open_all(a, &missing);
	vec_each(&missing.list, path)
		free(*path);
	vec_free(&missing.list);
	vec_each(&l->list, p)
		place_follow(a, p);
	for (size_t i = 0; i < l->list.nr; i++) {
		if (l->list.at[i].wanted)
			continue;
		place_end(a, &l->list.at[i]);
		l->list.at[i--] = l->list.at[--l->list.nr];
	}
}

void listeners_tell(struct agent *a)
{
	struct listener_place *p;

	vec_each(&a->proxy.listeners.list, p) {
		p->ids[0] = p->ids[1] = 0;
		place_tell(a, p);
	}
}

static void forget_former(uint64_t netns, void *arg)
{
	struct agent *a = arg;

	if (!place_find(a, netns))
		datapath_listener_set(a->dp, netns, 0, 0);
}

void listeners_point(struct agent *a)
{
	struct listener_place *p;

	vec_each(&a->proxy.listeners.list, p)
		place_point(a, p);
}

void listeners_forget(struct agent *a)
{
	datapath_listener_each(a->dp, forget_former, a);
}

void listeners_close(struct agent *a)
{
	struct listener_place *p;

	vec_each(&a->proxy.listeners.list, p)
		place_end(a, p);
	a->proxy.listeners.list.nr = 0;
	listeners_forget(a);
}

int listeners_open(struct agent *a)
{
	return own_cookie(&a->proxy.listeners.own);
}

void listeners_free(struct agent *a)
{
	struct listener_place *p;

	vec_each(&a->proxy.listeners.list, p) {
		for (int i = 0; i < 2; i++)
			if (p->fds[i] != -1)
				close(p->fds[i]);
		free(p->caller);
	}
	vec_free(&a->proxy.listeners.list);
}
