// SPDX-License-Identifier: GPL-2.0
/* Connections of clients: accepted, read, served and closed. */
#include "proxy/client.h"
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "proxy/attempt.h"
#include "proxy/proxy.h"
#include "proxy/reading.h"
#include "proxy/reply.h"
#include "proxy/tunnel.h"

#define LINGER_TIMEOUT (2 * 1000000000ll)
#define MEMORY_WAIT (20 * 1000000ll)
#define MOVES_MAX 32 /* of a buffer each; then the others of the worker have their turn */

void client_set_state(struct client *c, enum client_state state)
{
	assert(c->state != CLIENT_CLOSED);
	assert(state != CLIENT_TUNNEL || c->state == CLIENT_SERVING);
	c->state = state;
}

void client_timer(struct client *c, int64_t ns)
{
	timer_set(&c->worker->timers, &c->timer, c->worker->now + ns);
}

/* It goes on in the next round. */
static void again_add(struct client *c)
{
	struct client **first = &c->worker->again;

	if (c->link_again)
		return;
	c->next_again = *first;
	c->link_again = first;
	if (c->next_again)
		c->next_again->link_again = &c->next_again;
	*first = c;
}

static void again_remove(struct client *c)
{
	if (!c->link_again)
		return;
	*c->link_again = c->next_again;
	if (c->next_again)
		c->next_again->link_again = c->link_again;
	c->link_again = NULL;
}

void clients_go_on(struct worker *w)
{
	struct client *first = w->again;

	w->again = NULL;
	if (first)
		first->link_again = &first;
	while (first) {
		struct client *c = first;

		again_remove(c);
		client_go(c);
	}
}

void client_close(struct client *c)
{
	struct worker *w = c->worker;

	if (c->state == CLIENT_CLOSED)
		return;
	request_end(c);
	client_set_state(c, CLIENT_CLOSED);
	timer_remove(&w->timers, &c->timer);
	timer_remove(&w->timers, &c->request.timer);
	timer_remove(&w->timers, &c->request.try_timer);
	again_remove(c);
	stream_close(&c->stream);
	buffer_give(&w->buffers, &c->in);
	buffer_give(&w->buffers, &c->out);
	http1_free(&c->parser);
	atomic_fetch_sub_explicit(&c->listener->refs, 1, memory_order_release);
	atomic_fetch_sub_explicit(&w->nr_clients, 1, memory_order_relaxed);
	memory_give(w->buffers.memory, sizeof(*c));
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->next = w->dead;
	w->dead = c;
}

void clients_bury(struct worker *w)
{
	while (w->dead) {
		struct client *c = w->dead;

		w->dead = c->next;
		free(c);
	}
}

/* All is sent. What still comes is read, else closing would reset what is on its way to the client.
 */
static void linger(struct client *c)
{
	stream_shut(&c->stream);
	client_set_state(c, CLIENT_LINGERING);
	client_timer(c, LINGER_TIMEOUT);
}

static bool linger_go(struct client *c)
{
	bool got;

	if (!buffer_take(&c->worker->buffers, &c->in)) {
		client_close(c);
		return false;
	}
	c->in.begin = c->in.end = 0;
	got = stream_receive(&c->stream, &c->in);
	if (c->stream.ended)
		client_close(c);
	return got;
}

/*
 * The client is gone. One that only says that it will send nothing more may wait for its answer,
 * and is asked by the kernel now and then whether it does.
 */
static bool left(struct client *c)
{
	struct stream *s = &c->stream;

	if (!s->hung || s->error || c->request.state == REQUEST_REPLIED)
		return s->error;
	if (!c->request.whole) /* what is missing of the body never comes */
		return s->ended && !buffer_length(&c->in);
	if (s->ended || !buffer_take(&c->worker->buffers, &c->in))
		return false;
	stream_receive(s, &c->in);
	if (s->ended && !s->error)
		stream_probe(s);
	return s->error;
}

/* The next request, or the end. */
static void served(struct client *c)
{
	bool close = c->request.close || !c->request.whole, broken = c->request.broken;

	request_end(c);
	if (broken) {
		client_close(c);
		return;
	}
	if (close) {
		linger(c);
		return;
	}
	http1_next(&c->parser);
	client_set_state(c, CLIENT_READING);
	client_timer(c, c->worker->proxy->idle_timeout);
}

static bool flush(struct client *c)
{
	size_t n = stream_send(&c->stream, &c->out);

	if (c->out.at && !buffer_length(&c->out))
		buffer_give(&c->worker->buffers, &c->out);
	else if (n && buffer_space(&c->out) < c->out.size / 2)
		buffer_pack(&c->out);
	return n;
}

static bool serving_go(struct client *c)
{
	struct request *r = &c->request;
	bool moved = request_go(c);

	if (c->state != CLIENT_SERVING)
		return moved;
	moved |= flush(c);
	if (left(c)) {
		r->flags |= FLAG_DC;
		r->status = r->state < REQUEST_ANSWERED ? 0 : r->status;
		client_close(c);
		return false;
	}
	if (r->state == REQUEST_ANSWERED && r->status == 101) {
		http1_tunnel(&c->parser);
		timer_stop(&r->timer); /* of the rule: up to the head, a tunnel has its own times */
		client_set_state(c, CLIENT_TUNNEL);
		return true;
	}
	if (r->answer_whole && !c->out.at) {
		served(c);
		return true;
	}
	return moved;
}

/* True: something moved. */
static bool go(struct client *c)
{
	switch (c->state) {
	case CLIENT_SNIFFING:
		return reading_sniff(c);
	case CLIENT_READING:
		return reading_go(c);
	case CLIENT_SERVING:
		return serving_go(c);
	case CLIENT_TUNNEL:
		return tunnel_go(c);
	case CLIENT_LINGERING:
		return linger_go(c);
	case CLIENT_CLOSED:
		break;
	}
	return false;
}

static bool under_way(const struct client *c)
{
	return c->state == CLIENT_SERVING || c->state == CLIENT_TUNNEL;
}

void client_go(struct client *c)
{
	bool *refused = &c->worker->buffers.refused;

	*refused = false;
	for (unsigned i = 0; go(c); i++)
		if (i == MOVES_MAX) {
			again_add(c);
			return;
		}
	/* no event tells when there is memory again */
	if (*refused && under_way(c))
		client_timer(c, MEMORY_WAIT);
}

/* ---- of its upstream ---- */

static struct client *client_of(struct upstream_user *user)
{
	return (struct client *)((char *)user - offsetof(struct client, user));
}

static void upstream_connected(struct upstream_user *user)
{
	struct client *c = client_of(user);

	attempt_connected(c);
	client_go(c);
}

static void upstream_lost(struct upstream_user *user, int error, bool timed_out)
{
	struct client *c = client_of(user);

	c->request.upstream = NULL;
	attempt_failed(c, timed_out ? FAILED_CONNECT_TIMEOUT : FAILED_CONNECT, error);
	client_go(c);
}

static void upstream_moved(struct upstream_user *user)
{
	client_go(client_of(user));
}

/* ---- */

static void client_ready(struct worker *w, struct source *source, uint32_t events)
{
	struct client *c = (struct client *)source;

	(void)w;
	stream_ready(&c->stream, events);
	client_go(c);
}

static void client_expired(struct worker *w, struct timer *t)
{
	struct client *c = (struct client *)((char *)t - offsetof(struct client, timer));

	(void)w;
	if (c->state == CLIENT_SNIFFING) {
		request_begin_bytes(c);
		client_go(c);
	} else if (c->state == CLIENT_READING && c->in_head) {
		request_begin_wrong(c);
		c->request.details = "request_headers_timeout";
		reply_text(c, 408, "");
		client_go(c);
	} else if (under_way(c)) {
		client_go(c);
	} else {
		client_close(c);
	}
}

static void peer_read(struct client *c)
{
	static const struct inet unknown;
	struct sockaddr_storage a = {0};
	socklen_t size = sizeof(a);

	if (!getpeername(c->stream.source.fd, (struct sockaddr *)&a, &size))
		address_read(&a, &c->peer, &c->peer_port);
	/* who is steered here comes from a loopback address of its namespace */
	if (inet_is_loopback(&c->peer) && memcmp(&c->listener->address, &unknown, sizeof(unknown)))
		c->peer = c->listener->address;
}

/* There is no room for another one: it is told so, if that fits into its socket. */
static void refuse(int fd)
{
	static const char text[] =
		"HTTP/1.1 503 Service Unavailable\r\nx-envoy-overloaded: true\r\n"
		"connection: close\r\ncontent-length: 0\r\n\r\n";
	ssize_t n = send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL);

	(void)n;
	shutdown(fd, SHUT_WR);
	close(fd);
}

void client_accept(struct worker *w, struct listener *l, int fd)
{
	struct inet dialled;
	uint16_t port;
	int one = 1;
	struct client *c;

	if (!w->view || proxy_destination(w->proxy, fd, &dialled, &port)) {
		close(fd);
		return;
	}
	if (!memory_take_new(w->buffers.memory, sizeof(*c))) {
		refuse(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c = xcalloc(1, sizeof(*c));
	c->stream.source = (struct source){fd, client_ready};
	c->stream.readable = c->stream.writable = true;
	c->worker = w;
	c->listener = l;
	c->dialled = dialled;
	c->port = port;
	c->timer.expired = client_expired;
	c->user = (struct upstream_user){upstream_connected, upstream_lost, upstream_moved};
	http1_init(&c->parser, false, &http1_limits);
	c->parser.rooms = &w->rooms;
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->nr_clients, 1, memory_order_relaxed);
	c->next = w->clients;
	c->link = &w->clients;
	if (c->next)
		c->next->link = &c->next;
	w->clients = c;
	peer_read(c);
	c->user.origin = (struct proxy_origin){c->peer, dialled, c->peer_port, port};
	c->user.has_origin = true;
	if (stream_watch(w, &c->stream))
		client_close(c);
	else
		reading_begin(c);
}

/* An idle one stays: its client may be sending a request just now, which would fail. */
void client_drain(struct client *c)
{
	if (c->state == CLIENT_SERVING && c->request.state < REQUEST_ANSWERED)
		c->request.close = true;
}

void client_end_idle(struct client *c)
{
	if (c->state == CLIENT_READING && !c->in_head && !buffer_length(&c->in))
		linger(c);
}
