// SPDX-License-Identifier: GPL-2.0
/* A request from its begin to its end, with what it holds in between. */
#include "proxy/request.h"
#include <assert.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "proxy/access.h"
#include "proxy/attempt.h"
#include "proxy/head.h"
#include "proxy/mirror.h"
#include "proxy/proxy.h"
#include "proxy/relay.h"
#include "proxy/reply.h"
#include "proxy/route.h"

void request_set_state(struct request *r, enum request_state state)
{
	assert(state == REQUEST_NONE || r->state != REQUEST_REPLIED);
	assert(state != REQUEST_ANSWERED || r->state == REQUEST_SENT);
	r->state = state;
}

static void expired(struct worker *w, struct timer *t)
{
	struct client *c = (struct client *)((char *)t - offsetof(struct client, request.timer));

	(void)w;
	if (c->request.state < REQUEST_ANSWERED) {
		attempt_hangs(c);
		reply_timeout(c, "upstream_response_timeout");
	} else {
		/* The answer has begun: all that is left to say is that it stays incomplete. */
		c->request.flags |= FLAG_UT;
		client_close(c);
	}
	client_go(c);
}

static void try_expired(struct worker *w, struct timer *t)
{
	struct client *c =
		(struct client *)((char *)t - offsetof(struct client, request.try_timer));

	(void)w;
	attempt_expired(c);
	client_go(c);
}

/* All that a request knows when it begins. */
static void reset(struct client *c)
{
	struct request *r = &c->request;
	struct timer timer = r->timer, try_timer = r->try_timer;

	*r = (struct request){.timer = timer, .try_timer = try_timer};
	r->timer.expired = expired;
	r->try_timer.expired = try_expired;
	r->view = view_hold(c->worker->view);
	r->tally = r->view->snapshot->none;
	r->details = "-";
	r->kept = true;
	r->began = c->worker->now;
	clock_gettime(CLOCK_REALTIME_COARSE, &r->began_at);
}

/* Only websocket is let through; of another protocol nobody here knows the bounds. */
static bool upgrade_refused(const struct client *c)
{
	return c->parser.head.upgrade && !http_text_is(head_header(c, "upgrade"), "websocket");
}

void request_begin(struct client *c)
{
	struct request *r = &c->request;
	const struct http1_head *head = &c->parser.head;

	reset(c);
	r->asked = head->request;
	if (!r->asked.scheme.length)
		r->asked.scheme = http_text("http");
	r->normal = http_path_normalize(r->asked.path);
	if (r->normal)
		r->asked.path = http_text(r->normal);
	controls_find(&r->controls, &r->asked);
	r->whole = head->framing.how == HTTP1_NONE;
	/* what was sent ahead is answered still, else it would have to be sent again */
	r->close = !head->keep_alive || (proxy_draining(c->worker->proxy) &&
					 !(r->whole && buffer_length(&c->in)));
	r->chunked = head->framing.how == HTTP1_CHUNKED;
	client_set_state(c, CLIENT_SERVING);
	if (upgrade_refused(c)) {
		r->details = "upgrade_failed";
		reply_text(c, 403, "");
		return;
	}
	route_request(c);
}

void request_begin_wrong(struct client *c)
{
	reset(c);
	c->request.whole = c->request.close = true;
	client_set_state(c, CLIENT_SERVING);
}

void request_begin_bytes(struct client *c)
{
	reset(c);
	c->request.bytes = true;
	client_set_state(c, CLIENT_SERVING);
	route_bytes(c);
}

bool request_go(struct client *c)
{
	bool moved = false;

	if (c->request.bytes)
		return false;
	if (c->request.state == REQUEST_REPLIED)
		return relay_drop_request(c) | relay_reply(c);
	moved |= relay_request(c);
	moved |= relay_answer(c);
	return moved;
}

static void count(const struct client *c)
{
	const struct request *r = &c->request;
	const struct tally_end end = {.status = r->status,
				      .flags = r->flags,
				      .received = r->received,
				      .sent = r->sent_bytes,
				      .took = c->worker->now - r->began};

	tally_request(r->tally, c->worker->index, &end);
}

void request_end(struct client *c)
{
	struct request *r = &c->request;

	if (!r->view)
		return;
	attempt_drop(c, false);
	count(c);
	access_log(c);
	if (r->counted)
		limit_give(&r->destination->cluster->requests);
	if (r->retrying)
		limit_give(&r->destination->cluster->retries);
	timer_stop(&r->timer);
	timer_stop(&r->try_timer);
	buffer_give(&c->worker->buffers, &r->out);
	mirrors_drop(r);
	free(r->path);
	free(r->normal);
	if (r->endpoint)
		endpoint_put(r->endpoint);
	view_give(r->view);
	r->view = NULL;
	r->path = r->normal = NULL;
	r->endpoint = NULL;
	r->state = REQUEST_NONE;
}
