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
#include <shunt/proxy.h>
#include "proxy/worker.h"
#include "proxy/waiting.h"

#define SECOND INT64_C(1000000000)
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
	u->user = NULL;
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

/* It is in use: nobody waits for its timer but its age. */
static void age_begin(struct upstream *u)
{
	if (u->dies)
		timer_set(&u->worker->timers, &u->timer, u->dies);
	else
		timer_stop(&u->timer);
}

/* A new connection has room for it. */
static bool protocol_send(const struct upstream *u)
{
	char text[PROXY_PROTOCOL_MOST];
	size_t length = proxy_protocol_put(
		u->protocol, u->user->has_origin ? &u->user->origin : NULL, text);

	return send(u->stream.source.fd, text, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void connecting_ready(struct upstream *u)
{
	struct upstream_user *user = u->user;
	socklen_t size = sizeof(int);
	int error = 0;

	if (!u->stream.writable && !u->stream.hung)
		return;
	getsockopt(u->stream.source.fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		upstream_close(u);
		user->lost(user, error, false);
		return;
	}
	if (u->protocol && !protocol_send(u)) {
		upstream_close(u);
		user->lost(user, ECONNRESET, false);
		return;
	}
	set_state(u, UPSTREAM_BUSY);
	age_begin(u);
	user->connected(user);
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
		u->user->ready(u->user);
	else if (u->stream.readable) /* nothing was asked, so it can only be the end */
		upstream_close(u);
}

/* Connecting took too long, nobody had a use for it, or it is old: then it ends when it may. */
static void upstream_expired(struct worker *w, struct timer *t)
{
	struct upstream *u = (struct upstream *)((char *)t - offsetof(struct upstream, timer));
	struct upstream_user *user = u->user;
	bool connecting = u->state == UPSTREAM_CONNECTING;

	(void)w;
	if (u->state == UPSTREAM_BUSY) {
		user->ready(user);
		return;
	}
	upstream_close(u);
	if (connecting)
		user->lost(user, ETIMEDOUT, true);
}

/*
 * The kernel counts what callers open to the same cluster past the proxy, and what another proxy
 * does: -EUSERS. Where it cannot, this proxy counts its own alone.
 */
static int place_take(int fd, const struct table_cluster *policy)
{
	const struct proxy_place place = {policy->place.state, policy->place.generation,
					  policy->max_connections};

	if (!place.generation)
		return 0;
	return setsockopt(fd, PLACE_LEVEL, PLACE_TAKE, &place, sizeof(place)) && errno == EUSERS
		       ? -EUSERS
		       : 0;
}

static int socket_connect(const struct inet *address, uint16_t port,
			  const struct table_cluster *policy)
{
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	bool v4 = inet_is_v4(address);
	const struct sockaddr *to = v4 ? (struct sockaddr *)&to4 : (struct sockaddr *)&to6;
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = fd == -1 ? -errno : place_take(fd, policy), one = 1;

	if (fd == -1)
		return err;
	memcpy(&to6.sin6_addr, address->byte, 16);
	memcpy(&to4.sin_addr, address->byte + 12, 4);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!err && connect(fd, to, v4 ? sizeof(to4) : sizeof(to6)) == -1 && errno != EINPROGRESS)
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

static void option_set(int fd, int level, int option, int64_t value)
{
	int n = value < INT32_MAX ? (int)value : INT32_MAX;

	setsockopt(fd, level, option, &n, sizeof(n));
}

/* In whole seconds, as the kernel counts. */
static void keepalive_set(int fd, const struct table_keepalive *k)
{
	option_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (k->probes)
		option_set(fd, IPPROTO_TCP, TCP_KEEPCNT, k->probes);
	if (k->time)
		option_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, (k->time - 1) / SECOND + 1);
	if (k->interval)
		option_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, (k->interval - 1) / SECOND + 1);
}

int upstream_connect(struct worker *w, struct endpoint *e, struct upstream_user *user,
		     const struct table_cluster *policy, struct upstream **out)
{
	int fd = socket_connect(&e->address, e->port, policy), err;
	struct upstream *u;

	if (fd < 0)
		return fd;
	u = xcalloc(1, sizeof(*u));
	u->stream.source = (struct source){fd, upstream_ready};
	u->worker = w;
	u->endpoint = e;
	u->user = user;
	/* who the connection is for was said on it, so it is for nobody else */
	u->pooled = !e->alone && !policy->proxy_protocol;
	u->protocol = policy->proxy_protocol;
	u->served = 1;
	u->max_served = policy->max_requests_per_connection;
	u->idle_timeout = policy->idle_timeout;
	u->timer.expired = upstream_expired;
	if (policy->max_connection_duration)
		u->dies = w->now + policy->max_connection_duration;
	if (policy->keepalive)
		keepalive_set(fd, policy->keepalive);
	err = stream_watch(w, &u->stream);
	if (err) {
		close(fd);
		free(u);
		return err;
	}
	http1_init(&u->parser, true, &http1_limits);
	u->parser.rooms = &w->rooms;
	memory_use(w->buffers.memory, sizeof(*u));
	endpoint_hold(e);
	timer_set(&w->timers, &u->timer, w->now + policy->connect_timeout);
	*out = u;
	return 0;
}

struct upstream *upstream_reuse(struct worker *w, struct endpoint *e, struct upstream_user *user)
{
	struct upstream *u = e->idle[w->index];

	if (!u)
		return NULL;
	pool_remove(u);
	age_begin(u);
	set_state(u, UPSTREAM_BUSY);
	u->user = user;
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

static bool is_old(const struct upstream *u)
{
	return u->dies && u->worker->now >= u->dies;
}

/* Up to its idle time, or to its age if that comes first. */
static void idle_begin(struct upstream *u)
{
	int64_t end = u->idle_timeout ? u->worker->now + u->idle_timeout : 0;

	if (u->dies && (!end || u->dies < end))
		end = u->dies;
	if (end)
		timer_set(&u->worker->timers, &u->timer, end);
	else
		timer_stop(&u->timer);
}

enum upstream_tunnel upstream_tunnel(struct upstream *u, bool moved)
{
	int64_t now = u->worker->now;

	if (is_old(u))
		return UPSTREAM_IS_OLD;
	if (!moved && u->quiet && now >= u->quiet)
		return UPSTREAM_IS_QUIET;
	if (u->idle_timeout && (moved || !u->quiet)) {
		u->quiet = now + u->idle_timeout;
		idle_begin(u);
	}
	return UPSTREAM_GOES_ON;
}

void upstream_release(struct upstream *u, bool keep)
{
	u->user = NULL;
	keep = keep && u->pooled && !is_old(u) && !u->stream.hung && !u->stream.error &&
	       !buffer_length(&u->in) &&
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
	idle_begin(u);
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
