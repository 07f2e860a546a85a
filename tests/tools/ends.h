/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Both sides of a proxy in one loop: connections of clients to it, and those it makes to its
 * upstream. Messages are taken apart as they come; who includes this says what happens then.
 */
#ifndef TOOLS_ENDS_H
#define TOOLS_ENDS_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../http1/wire.h"

#define STUCK_MS 20000 /* an answer that takes longer never comes */

struct end {
	int fd;
	bool server; /* the proxy's upstream */
	bool ended;  /* the proxy's end has come, or the connection broke */
	struct wire wire;
	void *arg;	   /* the owner's */
	struct end **link; /* where the owner holds a server's end */
	struct end *next;  /* of all servers' ends */
};

/* A whole message stands in e->wire. */
static void end_message(struct end *e);
/* No more comes of a server's end; it is freed then. */
static void end_gone(struct end *e);

static int loop = -1, listener = -1;
static struct sockaddr_in proxy;
static struct end *servers;

static void end_watch(struct end *e)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = e};
	int one = 1;

	setsockopt(e->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(loop, EPOLL_CTL_ADD, e->fd, &event) == -1)
		die(1, "epoll_ctl: %s", strerror(errno));
}

static struct end *end_new(int fd, bool server)
{
	struct end *e = calloc(1, sizeof(*e));

	if (!e || fd == -1)
		die(1, "a connection: %s", strerror(errno));
	e->fd = fd;
	e->server = server;
	e->wire.response = !server;
	return e;
}

static int proxy_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || connect(fd, (struct sockaddr *)&proxy, sizeof(proxy)) == -1)
		die(1, "connect: %s", strerror(errno));
	return fd;
}

static struct end *end_connect(void)
{
	struct end *e = end_new(proxy_connect(), false);

	end_watch(e);
	return e;
}

static void end_free(struct end *e)
{
	struct end **at = &servers;

	while (e->server && *at != e)
		at = &(*at)->next;
	if (e->server)
		*at = e->next;
	if (e->link)
		*e->link = NULL;
	close(e->fd);
	wire_free(&e->wire);
	free(e);
}

/* What the proxy does not take any more is lost: it has said its end then. */
static void end_send(struct end *e, const char *bytes, size_t n)
{
	while (n) {
		ssize_t done = send(e->fd, bytes, n, MSG_NOSIGNAL);

		if (done == -1 && errno != EINTR)
			return;
		bytes += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
}

static void end_read(struct end *e)
{
	char bytes[65536];
	ssize_t n = recv(e->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0) {
		buf_add(&e->wire.in, bytes, (size_t)n);
		for (wire_read(&e->wire); e->wire.state == WIRE_OVER; wire_read(&e->wire)) {
			end_message(e);
			wire_next(&e->wire);
		}
		return;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	e->ended = true;
	if (e->server) {
		end_gone(e);
		end_free(e);
		return;
	}
	if (e->wire.state == WIRE_REST && e->wire.status != 101) {
		e->wire.state = WIRE_OVER;
		end_message(e);
		wire_next(&e->wire);
	}
	epoll_ctl(loop, EPOLL_CTL_DEL, e->fd, NULL);
}

static void end_accept(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct end *e;

	if (fd == -1)
		return;
	e = end_new(fd, true);
	e->next = servers;
	servers = e;
	end_watch(e);
}

/* Takes what is there; false: nothing. */
static bool ends_turn(void)
{
	struct epoll_event events[256];
	int n = epoll_wait(loop, events, 256, 0);

	for (int i = 0; i < n; i++)
		events[i].data.ptr ? end_read(events[i].data.ptr) : end_accept();
	return n > 0;
}

/* ---- whether the proxy waits ---- */

/* Asks for what the proxy answers by itself, and waits for that. */
static void probe(int fd)
{
	static const char text[] = "GET /settled HTTP/1.1\r\nHost: a\r\n\r\n";
	struct timeval stuck = {STUCK_MS / 1000, 0};
	char answer[1024];
	size_t nr = 0;
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &stuck, sizeof(stuck));
	if (send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL) != sizeof(text) - 1)
		die(1, "the proxy takes no probe: %s", strerror(errno));
	do {
		n = recv(fd, answer + nr, sizeof(answer) - nr, 0);
		nr += n > 0 ? (size_t)n : 0;
	} while (n > 0 && !memmem(answer, nr, "\r\n\r\n", 4));
	if (n <= 0 || memcmp(answer, "HTTP/1.1 204 ", 13))
		die(1, "the proxy does not answer a probe: %.*s", (int)nr, answer);
}

/*
 * Returns when the proxy has handled all that was sent, and all that came of it. A connection made
 * last is accepted last, so behind its first probe all others are accepted.
 */
static void settle(void)
{
	int fd = proxy_connect();

	probe(fd);
	do
		probe(fd);
	while (ends_turn());
	close(fd);
}

static void ends_init(uint16_t proxy_port, uint16_t port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct epoll_event event = {.events = EPOLLIN};
	int one = 1;

	proxy = any;
	proxy.sin_port = htons(proxy_port);
	proxy.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	loop = epoll_create1(EPOLL_CLOEXEC);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) == -1 ||
	    listen(listener, 4096) == -1 ||
	    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event) == -1)
		die(1, "listen: %s", strerror(errno));
}

#endif
