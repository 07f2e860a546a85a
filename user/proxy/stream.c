// SPDX-License-Identifier: GPL-2.0
/* Reads and writes sockets up to where they would block. */
#include "proxy/stream.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "proxy/worker.h"

#define PROBE_SECONDS 15

static int watch(struct worker *w, struct stream *s, int how)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				    .data.ptr = &s->source};

	return epoll_ctl(w->epoll, how, s->source.fd, &event) == -1 ? -errno : 0;
}

int stream_watch(struct worker *w, struct stream *s)
{
	return watch(w, s, EPOLL_CTL_ADD);
}

void stream_remind(struct worker *w, struct stream *s)
{
	watch(w, s, EPOLL_CTL_MOD);
}

void stream_ready(struct stream *s, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		s->writable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->hung = true;
	if ((events & EPOLLERR) && s->ended && !s->error)
		s->error = ECONNRESET; /* no read tells any more */
}

size_t stream_receive(struct stream *s, struct buffer *b)
{
	return stream_receive_most(s, b, UINT64_MAX);
}

size_t stream_receive_most(struct stream *s, struct buffer *b, uint64_t most)
{
	size_t space;
	ssize_t n;

	if (!buffer_space(b))
		buffer_pack(b);
	space = buffer_space(b) < most ? buffer_space(b) : most;
	if (!s->readable || s->ended || !space)
		return 0;
	do
		n = recv(s->source.fd, b->at + b->end, space, 0);
	while (n == -1 && errno == EINTR);
	if (n > 0) {
		b->end += (uint32_t)n;
		/* Less than asked for is all there was, unless the peer's end stands behind it. */
		s->readable = (size_t)n == space || s->hung;
		return (size_t)n;
	}
	s->readable = false;
	if (n == -1 && errno == EAGAIN)
		return 0;
	s->ended = true;
	if (n && !s->error) /* of a reset that sending met, reading tells no more than the end */
		s->error = errno;
	return 0;
}

static size_t sent(struct stream *s, ssize_t n, size_t size)
{
	if (n >= 0) {
		s->writable = (size_t)n == size;
		return (size_t)n;
	}
	s->writable = false;
	if (errno != EAGAIN && !s->error)
		s->error = errno;
	return 0;
}

size_t stream_send_parts(struct stream *s, const struct iovec *parts, int nr)
{
	struct msghdr h = {.msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)nr};
	size_t size = 0;

	for (int i = 0; i < nr; i++)
		size += parts[i].iov_len;
	if (!s->writable || !size || s->error)
		return 0;
	if (nr == 1)
		return sent(s, send(s->source.fd, parts->iov_base, size, MSG_NOSIGNAL), size);
	return sent(s, sendmsg(s->source.fd, &h, MSG_NOSIGNAL), size);
}

size_t stream_send(struct stream *s, struct buffer *b)
{
	size_t size = buffer_length(b), n;

	if (!s->writable || !size || s->error)
		return 0;
	n = sent(s, send(s->source.fd, b->at + b->begin, size, MSG_NOSIGNAL), size);
	b->begin += (uint32_t)n;
	if (b->begin == b->end)
		b->begin = b->end = 0;
	return n;
}

void stream_probe(struct stream *s)
{
	int on = 1, seconds = PROBE_SECONDS, probes = 3;

	setsockopt(s->source.fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
	setsockopt(s->source.fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
	setsockopt(s->source.fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	setsockopt(s->source.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

void stream_shut(struct stream *s)
{
	if (!s->shut)
		shutdown(s->source.fd, SHUT_WR);
	s->shut = true;
}

void stream_close(struct stream *s)
{
	if (s->source.fd != -1)
		close(s->source.fd);
	s->source.fd = -1;
}
