// SPDX-License-Identifier: GPL-2.0
/* Connections to endpoints: how they begin, wait in the pool and end. */
#include "proxy/upstream.h"
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "proxy/client.h"
#include "proxy/waiting.h"

#define SERVED_IN_A_ROW 16 /* requests of one worker, while others wait for the connection */

static void set_state(struct upstream *u, enum upstream_state state)
{
	assert(u->state != UPSTREAM_CLOSED);
	assert(state != UPSTREAM_IDLE || u->state == UPSTREAM_BUSY);
	u->state = state;
}

static void pool_add(struct upstream *u)
{
	struct upstream **first = &u->endpoint->idle[u->worker->index];

	u->next = *first;
	u->link = first;
	if (u->next)
		u->next->link = &u->next;
	*first = u;
	u->next_idle = u->worker->idle;
	u->link_idle = &u->worker->idle;
	if (u->next_idle)
		u->next_idle->link_idle = &u->next_idle;
	u->worker->idle = u;
}

static void pool_remove(struct upstream *u)
{
	if (!u->link)
		return;
	*u->link = u->next;
	if (u->next)
		u->next->link = u->link;
	*u->link_idle = u->next_idle;
	if (u->next_idle)
		u->next_idle->link_idle = u->link_idle;
	u->link = u->link_idle = NULL;
}

/* Another request may take the place of this connection. */
static void place_give(struct upstream *u)
{
	struct cluster *c = u->endpoint->cluster;

	limit_give(&c->connections);
	if (atomic_load(&c->pending))
		waiting_wake(u->worker);
}

void upstream_close(struct upstream *u)
{
	struct worker *w = u->worker;

	pool_remove(u);
	set_state(u, UPSTREAM_CLOSED);
	timer_remove(&w->timers, &u->timer);
	stream_close(&u->stream);
	buffer_give(&w->buffers, &u->in);
	http1_free(&u->parser);
	place_give(u);
	endpoint_put(u->endpoint);
	memory_give(w->buffers.memory, sizeof(*u));
	u->client = NULL;
	u->next = w->dead_upstreams;
	w->dead_upstreams = u;
}

void upstreams_bury(struct worker *w)
{
	while (w->dead_upstreams) {
		struct upstream *u = w->dead_upstreams;

		w->dead_upstreams = u->next;
		free(u);
	}
}

static void connecting_ready(struct upstream *u)
{
	struct client *c = u->client;
	socklen_t size = sizeof(int);
	int error = 0;

	if (!u->stream.writable && !u->stream.hung)
		return;
	getsockopt(u->stream.source.fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		upstream_close(u);
		client_lost(c, error, false);
		return;
	}
	set_state(u, UPSTREAM_BUSY);
	timer_stop(&u->timer);
	client_connected(c);
}

static void upstream_ready(struct worker *w, struct source *source, uint32_t events)
{
	struct upstream *u = (struct upstream *)source;

	(void)w;
	if (u->state == UPSTREAM_CLOSED)
		return;
	stream_ready(&u->stream, events);
	if (u->state == UPSTREAM_CONNECTING)
		connecting_ready(u);
	else if (u->state == UPSTREAM_BUSY)
		client_go(u->client);
	else if (u->stream.readable) /* nothing was asked, so it can only be the end */
		upstream_close(u);
}

/* Connecting took too long, or nobody had a use for it. */
static void upstream_expired(struct worker *w, struct timer *t)
{
	struct upstream *u = (struct upstream *)((char *)t - offsetof(struct upstream, timer));
	struct client *c = u->client;
	bool connecting = u->state == UPSTREAM_CONNECTING;

	(void)w;
	upstream_close(u);
	if (connecting)
		client_lost(c, ETIMEDOUT, true);
}

static int socket_connect(const struct inet *address, uint16_t port)
{
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	bool v4 = inet_is_v4(address);
	const struct sockaddr *to = v4 ? (struct sockaddr *)&to4 : (struct sockaddr *)&to6;
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err, one = 1;

	if (fd == -1)
		return -errno;
	memcpy(&to6.sin6_addr, address->byte, 16);
	memcpy(&to4.sin_addr, address->byte + 12, 4);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, to, v4 ? sizeof(to4) : sizeof(to6)) == -1 && errno != EINPROGRESS) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int upstream_connect(struct worker *w, struct endpoint *e, struct client *c,
		     const struct table_cluster *policy, struct upstream **out)
{
	int fd = socket_connect(&e->address, e->port), err;
	struct upstream *u;

	if (fd < 0)
		return fd;
	u = xcalloc(1, sizeof(*u));
	u->stream.source = (struct source){fd, upstream_ready};
	u->worker = w;
	u->endpoint = e;
	u->client = c;
	u->pooled = !e->alone;
	u->served = 1;
	u->max_served = policy->max_requests_per_connection;
	u->idle_timeout = policy->idle_timeout;
	u->timer.expired = upstream_expired;
	err = stream_watch(w, &u->stream);
	if (err) {
		close(fd);
		free(u);
		return err;
	}
	http1_init(&u->parser, true, &http1_limits);
	memory_use(w->buffers.memory, sizeof(*u));
	endpoint_hold(e);
	timer_set(&w->timers, &u->timer, w->now + policy->connect_timeout);
	*out = u;
	return 0;
}

struct upstream *upstream_reuse(struct worker *w, struct endpoint *e, struct client *c)
{
	struct upstream *u = e->idle[w->index];

	if (!u)
		return NULL;
	pool_remove(u);
	timer_stop(&u->timer);
	set_state(u, UPSTREAM_BUSY);
	u->client = c;
	u->served++;
	return u;
}

/*
 * Requests wait for connections of this cluster: those of this worker have it next, but now and
 * then it goes to the others.
 */
static bool waited_for_elsewhere(struct upstream *u)
{
	if (!atomic_load_explicit(&u->endpoint->cluster->pending, memory_order_relaxed))
		return false;
	u->worker->retry = true;
	return !u->worker->waiting || u->served % SERVED_IN_A_ROW == 0;
}

void upstream_release(struct upstream *u, bool keep)
{
	u->client = NULL;
	keep = keep && u->pooled && !u->stream.hung && !u->stream.error && !buffer_length(&u->in) &&
	       !(u->max_served && u->served >= u->max_served) &&
	       !atomic_load_explicit(&u->endpoint->gone, memory_order_relaxed) &&
	       !waited_for_elsewhere(u);
	if (!keep) {
		upstream_close(u);
		return;
	}
	buffer_give(&u->worker->buffers, &u->in);
	http1_next(&u->parser);
	set_state(u, UPSTREAM_IDLE);
	pool_add(u);
	if (u->idle_timeout)
		timer_set(&u->worker->timers, &u->timer, u->worker->now + u->idle_timeout);
}

void upstreams_drop_idle(struct worker *w, bool all)
{
	struct upstream *next;

	for (struct upstream *u = w->idle; u; u = next) {
		next = u->next_idle;
		if (all || atomic_load_explicit(&u->endpoint->gone, memory_order_relaxed))
			upstream_close(u);
	}
}

void upstreams_yield(struct worker *w)
{
	struct upstream *next;

	for (struct upstream *u = w->idle; u; u = next) {
		next = u->next_idle;
		if (atomic_load_explicit(&u->endpoint->cluster->pending, memory_order_relaxed))
			upstream_close(u);
	}
}
