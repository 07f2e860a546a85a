// SPDX-License-Identifier: GPL-2.0
/* Accepts what is steered here, and learns where it wanted to go. */
#include "proxy/listener.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "proxy/client.h"

#define ACCEPTS_AT_ONCE 16 /* so that one worker does not take a whole burst */
#define ORIGINAL_DST 80	   /* SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST */

static void listener_ready(struct worker *w, struct source *source, uint32_t events)
{
	struct listener *l = (struct listener *)source;
	struct listener *heir = atomic_load_explicit(&l->heir, memory_order_acquire);

	(void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd == -1 && errno == ECONNABORTED)
			continue;
		if (fd == -1 && errno != EAGAIN)
			worker_starves(w);
		if (fd == -1)
			return;
		client_accept(w, heir ? heir : l, fd);
	}
}

struct listener *listener_new(int fd, uint32_t id, uint32_t scope, const char *caller)
{
	struct listener *l = xcalloc(1, sizeof(*l));
	const char *slash = strchr(caller, '/');

	l->source = (struct source){fd, listener_ready};
	l->id = id;
	l->scope = scope;
	l->caller = xstrdup(caller);
	l->namespace = xstrndup(caller, slash ? (size_t)(slash - caller) : 0);
	atomic_init(&l->refs, 1);
	return l;
}

void listener_free(struct listener *l)
{
	struct listener *heir = atomic_load(&l->heir);

	if (l->source.fd != -1)
		close(l->source.fd);
	if (heir)
		atomic_fetch_sub_explicit(&heir->refs, 1, memory_order_release);
	free(l->caller);
	free(l->namespace);
	free(l->left);
	free(l);
}

static int watch(struct worker *w, struct listener *l, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = &l->source};

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, l->source.fd, &event) == -1 ? -errno : 0;
}

int listener_watch(struct worker *w, struct listener *l)
{
	return watch(w, l, EPOLLIN | EPOLLEXCLUSIVE);
}

int listener_watch_beside(struct worker *w, struct listener *l)
{
	return watch(w, l, EPOLLIN);
}

void listener_unwatch(struct worker *w, struct listener *l)
{
	epoll_ctl(w->epoll, EPOLL_CTL_DEL, l->source.fd, NULL);
}

/* Of a listening socket the kernel tells the length of its queue there. */
bool listener_waiting(const struct listener *l)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	return !getsockopt(l->source.fd, IPPROTO_TCP, TCP_INFO, &info, &size) && info.tcpi_unacked;
}

void address_read(const struct sockaddr_storage *from, struct inet *address, uint16_t *port)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;

	memset(address, 0, sizeof(*address));
	if (from->ss_family == AF_INET) {
		memset(address->byte + 10, 0xff, 2);
		memcpy(address->byte + 12, &v4->sin_addr, 4);
		*port = ntohs(v4->sin_port);
	} else {
		memcpy(address->byte, &v6->sin6_addr, 16);
		*port = ntohs(v6->sin6_port);
	}
}

int original_destination(int fd, struct inet *address, uint16_t *port)
{
	struct sockaddr_storage a = {0};
	socklen_t size = sizeof(a);

	if (getsockopt(fd, SOL_IP, ORIGINAL_DST, &a, &size) == -1) {
		size = sizeof(a);
		if (getsockopt(fd, SOL_IPV6, ORIGINAL_DST, &a, &size) == -1)
			return -errno;
	}
	address_read(&a, address, port);
	return 0;
}
