/* SPDX-License-Identifier: GPL-2.0 */
/* One end of a connection that sends known bytes in some way, and checks each byte that it gets. */
#ifndef TOOLS_END_H
#define TOOLS_END_H

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "address.h"

#define PERIOD 1048573u /* a prime: no piece lost or doubled leaves the stream as it was */
#define MOST 65536u	/* bytes a call, when sizes are random */
#define MAGIC 0x73747265u

enum sender { BY_SEND, BY_WRITEV, BY_SENDFILE, BY_SPLICE, BY_MORE, NR_SENDERS };
enum waits { WAITS_POLL, WAITS_EDGE, WAITS_BLOCK, NR_WAITS };
static const char *const senders[] = { "send", "writev", "sendfile", "splice", "more" };
static const char *const waits[] = { "poll", "edge", "block" };

/* What a client says first. */
struct order {
	uint32_t magic, sender, waits, block, delay_us, unchecked;
	uint64_t up, down;
};

struct end {
	struct order order;
	int fd, epoll, pipe[2];
	uint64_t in, in_end, out, out_end; /* bytes so far, and how many there are to be */
	size_t piece;			   /* of the next call; 0: to be chosen */
	size_t piped;
	uint64_t random;
	bool shut, eof;
	char *into;
};

static char *pattern; /* PERIOD bytes, and as many again as a call may want past the end */
static int source;    /* the same as a file */

static uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void pattern_make(void)
{
	uint64_t state = 7;

	pattern = malloc(2 * PERIOD);
	source = memfd_create("stream", MFD_CLOEXEC);
	if (!pattern || source < 0)
		die(1, "stream: %m");
	for (size_t i = 0; i < PERIOD; i++)
		pattern[i] = (char)random_next(&state);
	memcpy(pattern + PERIOD, pattern, PERIOD);
	if (write(source, pattern, PERIOD) != PERIOD)
		die(1, "stream: %m");
}

static size_t piece_next(struct end *e)
{
	size_t most = e->order.block ? e->order.block : 1 + random_next(&e->random) % MOST;
	uint64_t left = e->out_end - e->out;

	if (e->order.delay_us && random_next(&e->random) % 64 == 0)
		usleep(random_next(&e->random) % e->order.delay_us);
	if (most > PERIOD - e->out % PERIOD)
		most = PERIOD - e->out % PERIOD;
	return left < most ? left : most;
}

static ssize_t send_writev(struct end *e, const char *from, size_t nr)
{
	size_t first = nr / 3, second = nr / 5;
	struct iovec parts[3] = { { (void *)from, first },
				  { (void *)(from + first), second },
				  { (void *)(from + first + second), nr - first - second } };

	return writev(e->fd, parts, 3);
}

static ssize_t send_spliced(struct end *e, size_t nr)
{
	loff_t at = e->out % PERIOD;
	ssize_t n;

	if (!e->piped) {
		n = splice(source, &at, e->pipe[1], NULL, nr, SPLICE_F_NONBLOCK);
		if (n <= 0)
			return n;
		e->piped = n;
	}
	n = splice(e->pipe[0], NULL, e->fd, NULL, e->piped, 0);
	if (n > 0)
		e->piped -= n;
	return n;
}

static ssize_t send_piece(struct end *e, size_t nr)
{
	const char *from = pattern + e->out % PERIOD;
	off_t at = e->out % PERIOD;
	int more = e->order.sender == BY_MORE && e->out + nr < e->out_end ? MSG_MORE : 0;

	switch (e->order.sender) {
	case BY_WRITEV:
		return send_writev(e, from, nr);
	case BY_SENDFILE:
		return sendfile(e->fd, source, &at, nr);
	case BY_SPLICE:
		return send_spliced(e, nr);
	default:
		return send(e->fd, from, nr, MSG_NOSIGNAL | more);
	}
}

/* False: it would block, or all is sent. */
static bool step_out(struct end *e)
{
	ssize_t n;

	if (e->out == e->out_end) {
		if (!e->shut && shutdown(e->fd, SHUT_WR))
			die(1, "stream: shutdown: %m");
		e->shut = true;
		return false;
	}
	if (!e->piece)
		e->piece = piece_next(e);
	n = send_piece(e, e->piece);
	if (n < 0 && errno == EAGAIN && e->order.waits != WAITS_BLOCK)
		return false;
	if (n <= 0)
		die(1, "stream: sending by %s after %lu bytes: %m", senders[e->order.sender],
		    e->out);
	e->out += n;
	e->piece -= n;
	return true;
}

static void check(const struct end *e, size_t nr)
{
	if (e->order.unchecked)
		return;
	for (size_t i = 0, n; i < nr; i += n) {
		n = nr - i < PERIOD ? nr - i : PERIOD;
		if (memcmp(e->into + i, pattern + (e->in + i) % PERIOD, n))
			die(1, "stream: wrong bytes within %zu after %lu", nr, e->in);
	}
}

/* False: it would block, or all is read. */
static bool step_in(struct end *e)
{
	size_t most = e->order.block ? e->order.block : 1 + random_next(&e->random) % MOST;
	ssize_t n;

	if (e->eof)
		return false;
	n = recv(e->fd, e->into, most, 0);
	if (n < 0 && errno == EAGAIN)
		return e->order.waits == WAITS_BLOCK; /* which a spliced socket may say, too */
	if (n < 0)
		die(1, "stream: reading after %lu bytes: %m", e->in);
	check(e, n);
	e->in += n;
	e->eof = n == 0;
	if (e->in > e->in_end || (e->eof && e->in != e->in_end))
		die(1, "stream: %lu bytes came, %lu were sent", e->in, e->in_end);
	return !e->eof;
}

static void end_wait(struct end *e)
{
	struct pollfd p = { .fd = e->fd };
	struct epoll_event event;

	if (e->order.waits == WAITS_EDGE) {
		if (epoll_wait(e->epoll, &event, 1, -1) < 0)
			die(1, "stream: epoll: %m");
		return;
	}
	p.events = (e->eof ? 0 : POLLIN) | (e->shut ? 0 : POLLOUT);
	if (poll(&p, 1, -1) < 0)
		die(1, "stream: poll: %m");
}

static void end_open(struct end *e, int fd, const struct order *order, bool client)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

	e->order = *order;
	e->fd = fd;
	e->out = e->in = 0;
	e->out_end = client ? order->up : order->down;
	e->in_end = client ? order->down : order->up;
	e->random = (uint64_t)fd << 32 ^ order->up ^ now_ns();
	e->into = malloc(order->block > MOST ? order->block : MOST);
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!e->into || pipe2(e->pipe, O_CLOEXEC) || e->epoll < 0 ||
	    epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &event))
		die(1, "stream: %m");
	if (order->waits != WAITS_BLOCK)
		fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void end_close(struct end *e)
{
	close(e->fd);
	close(e->epoll);
	close(e->pipe[0]);
	close(e->pipe[1]);
	free(e->into);
}

/* Both ways at once; blocking sockets one way after the other, as one thread has to. */
static void play(int fd, const struct order *order, bool client)
{
	struct end e = { 0 };

	end_open(&e, fd, order, client);
	if (order->waits == WAITS_BLOCK) {
		while (client && step_out(&e))
			;
		while (step_in(&e))
			;
	}
	while (!e.shut || !e.eof) {
		bool moved = step_out(&e);

		if (order->waits != WAITS_BLOCK)
			moved |= step_in(&e);
		if (!moved && (!e.shut || !e.eof) && order->waits != WAITS_BLOCK)
			end_wait(&e);
	}
	end_close(&e);
}

#endif
