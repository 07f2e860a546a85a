// SPDX-License-Identifier: GPL-2.0
/* Tries of a request, one after the other, each at an endpoint. */
#include "proxy/attempt.h"
#include <errno.h>
#include "proxy/access.h"
#include "proxy/act.h"
#include "proxy/balance.h"
#include "proxy/hash.h"
#include "proxy/head.h"
#include "proxy/mirror.h"
#include "proxy/reply.h"
#include "proxy/retry.h"
#include "proxy/waiting.h"

static void endpoint_set(struct request *r, struct endpoint *e)
{
	if (r->endpoint)
		endpoint_put(r->endpoint);
	r->endpoint = e;
	r->active = true;
	atomic_fetch_add_explicit(&e->active, 1, memory_order_relaxed);
}

static void endpoint_rest(struct request *r)
{
	if (r->active)
		atomic_fetch_sub_explicit(&r->endpoint->active, 1, memory_order_relaxed);
	r->active = false;
}

/* Hosts that were tried are avoided, and after each second try their priorities, as it was asked. */
static void wish_of_retry(const struct request *r, const struct destination *d,
			  struct balance_wish *wish)
{
	const struct http_retries *policy = r->retry.policy;
	size_t tried = (r->attempts - 1) / 2 * 2;

	if (policy && policy->remote_localities)
		wish->avoided = balance_priorities(
			d, r->tried, tried < REQUEST_TRIED_MAX ? tried : REQUEST_TRIED_MAX);
	/* one that a key leads to is the one that is wanted */
	if (!policy || policy->any_host || (wish->has_hash && r->route->rule->nr_splits == 1))
		wish->nr_tried = 0;
}

struct endpoint *attempt_endpoint(struct client *c, const struct destination *d)
{
	struct request *r = &c->request;
	struct balance_wish wish = {.tried = r->tried, .nr_tried = REQUEST_TRIED_MAX};
	struct endpoint *e;

	if (d->table->balancer == BALANCE_ORIGINAL)
		return endpoint_alone(d->cluster, &c->dialled, c->port);
	wish.has_hash = hash_of_request(c, d->table, &wish.hash);
	if (r->attempts > 1)
		wish_of_retry(r, d, &wish);
	e = balance_pick(c->worker, d, &wish);
	if (e)
		endpoint_hold(e);
	return e;
}

static void tried_add(struct request *r, struct endpoint *e)
{
	for (size_t i = 0; i < REQUEST_TRIED_MAX; i++)
		if (!r->tried[i]) {
			r->tried[i] = e;
			return;
		}
}

/* The head of the request and what came of its body, from the begin. */
static bool out_render(struct client *c)
{
	struct buffers *buffers = &c->worker->buffers;
	struct request *r = &c->request;
	struct buffer old = r->out, fresh = {0};
	size_t length = old.end - r->head_length;
	bool done = buffer_take(buffers, &fresh);
	int err = done ? head_request_put(c, &fresh) : -1;

	if (done && (err || buffer_space(&fresh) < length)) {
		fresh.end = 0;
		done = buffer_grow(buffers, &fresh, BUFFER_LARGE + (uint32_t)length) &&
		       !head_request_put(c, &fresh);
	}
	if (!done || buffer_space(&fresh) < length) {
		buffer_give(buffers, &fresh);
		return false;
	}
	r->sent = 0;
	r->out = fresh;
	if (old.at)
		buffer_put(&r->out, old.at + r->head_length, length);
	r->head_length = fresh.end;
	buffer_give(buffers, &old);
	return true;
}

void attempt_connected(struct client *c)
{
	struct request *r = &c->request;
	struct upstream *u = r->upstream;

	access_connected(c);
	if (r->bytes) {
		client_set_state(c, CLIENT_TUNNEL);
		return;
	}
	u->parser.answers_head = http_text_is(r->asked.method, "HEAD");
	u->parser.answers_upgrade = c->parser.head.upgrade;
	request_set_state(r, REQUEST_SENT);
	if (out_render(c))
		return;
	r->flags |= FLAG_OM;
	r->details = "request_headers_do_not_fit";
	reply_text(c, 503, "");
}

static void overflow(struct client *c)
{
	if (c->request.bytes) {
		c->request.flags |= FLAG_UO;
		client_close(c);
		return;
	}
	reply_overflow(c);
}

/* One of the cluster's that waits in this worker's pools. */
static struct endpoint *idle_endpoint(const struct worker *w, const struct destination *d)
{
	for (size_t i = 0; i < d->table->nr_endpoints; i++)
		if (d->endpoints[i]->idle[w->index] && endpoint_takes_part(d->endpoints[i]))
			return d->endpoints[i];
	return NULL;
}

static void wait(struct client *c)
{
	struct request *r = &c->request;
	const struct table_cluster *t = r->destination->table;

	endpoint_rest(r);
	if (r->placed && !r->bytes) {
		request_set_state(r, REQUEST_WAITING);
		waiting_add_placed(c);
		return;
	}
	waiting_place_give(c);
	if (r->bytes || !limit_take(&r->destination->cluster->pending, t->max_pending)) {
		overflow(c);
		return;
	}
	request_set_state(r, REQUEST_WAITING);
	waiting_add(c);
}

static bool reuse(struct client *c, struct endpoint *e)
{
	struct request *r = &c->request;

	if (r->bytes || e->alone)
		return false;
	r->upstream = upstream_reuse(c->worker, e, &c->user);
	if (!r->upstream)
		return false;
	waiting_place_give(c);
	attempt_connected(c);
	return true;
}

/* With its place, which becomes the connection's. False: the kernel has none. */
static bool connect_to(struct client *c, struct endpoint *e)
{
	struct request *r = &c->request;
	int err = upstream_connect(c->worker, e, &c->user, r->destination->table,
				   &r->upstream);

	if (err == -EUSERS)
		return false;
	if (err)
		waiting_place_give(c);
	r->placed = false;
	request_set_state(r, REQUEST_CONNECTING);
	if (err)
		attempt_failed(c, FAILED_CONNECT_HERE, -err);
	return true;
}

static void connection_get(struct client *c)
{
	struct request *r = &c->request;
	const struct destination *d = r->destination;
	struct endpoint *e = r->endpoint, *other;

	if (reuse(c, e))
		return;
	r->placed = r->placed || limit_take(&d->cluster->connections, d->table->max_connections);
	if (r->placed && connect_to(c, e))
		return;
	other = e->alone || r->bytes ? NULL : idle_endpoint(c->worker, d);
	if (!other) {
		wait(c);
		return;
	}
	endpoint_rest(r);
	endpoint_hold(other);
	endpoint_set(r, other);
	reuse(c, other);
}

static void no_endpoint(struct client *c)
{
	c->request.flags |= FLAG_UH;
	c->request.details = "no_healthy_upstream";
	if (c->request.bytes)
		client_close(c);
	else
		reply_text(c, 503, "no healthy upstream");
}

void attempt_begin(struct client *c)
{
	struct request *r = &c->request;
	struct endpoint *e;

	r->attempts++;
	r->sent = 0;
	r->try_began = c->worker->now;
	e = attempt_endpoint(c, r->destination);
	if (!e) {
		no_endpoint(c);
		return;
	}
	endpoint_set(r, e);
	tried_add(r, e);
	if (!r->copied && r->route && r->route->rule->nr_mirrors)
		mirrors_begin(c);
	r->copied = true;
	if (r->per_try_timeout)
		timer_set(&c->worker->timers, &r->try_timer, c->worker->now + r->per_try_timeout);
	connection_get(c);
}

void attempt_waited(struct client *c)
{
	struct request *r = &c->request;
	const struct destination *d = r->destination;
	struct endpoint *e;

	if (!r->placed && idle_endpoint(c->worker, d) == NULL &&
	    atomic_load(&d->cluster->connections) >=
		    d->table->max_connections)
		return;
	waiting_leave(c);
	e = attempt_endpoint(c, r->destination);
	if (!e) {
		waiting_place_give(c);
		no_endpoint(c);
	} else {
		endpoint_set(r, e);
		connection_get(c);
	}
	client_go(c);
}

void attempt_drop(struct client *c, bool keep)
{
	struct request *r = &c->request;
	struct upstream *u = r->upstream;

	if (r->state == REQUEST_WAITING)
		waiting_remove(c);
	endpoint_rest(r);
	r->upstream = NULL;
	if (u && u->state == UPSTREAM_BUSY)
		upstream_release(u, keep);
	else if (u)
		upstream_close(u);
}

void attempt_expired(struct client *c)
{
	enum request_state state = c->request.state;

	if (state == REQUEST_DELAYED)
		act(c);
	else if (state == REQUEST_BACKING_OFF)
		attempt_begin(c);
	else if (state < REQUEST_ANSWERED)
		attempt_failed(c, FAILED_TRY_TIMEOUT, 0);
}
