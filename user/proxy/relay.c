// SPDX-License-Identifier: GPL-2.0
/* Moves requests to their upstreams, from one framing to the other. */
#include "proxy/relay.h"
#include <string.h>
#include "proxy/attempt.h"
#include "proxy/body.h"
#include "proxy/head.h"
#include "proxy/mirror.h"
#include "proxy/reply.h"

#define KEPT_MAX (1u << 20) /* bytes of a request that are kept for another try, as in Envoy */

/* Whether a longer body may follow what is kept. */
static bool keep_more(struct client *c)
{
	const struct http1_framing *body = &c->parser.head.framing;
	struct request *r = &c->request;
	uint32_t size = r->out.size < KEPT_MAX / 2 ? 2 * r->out.size : KEPT_MAX;

	if (!r->kept || !r->keeps || (body->has_length && body->length > KEPT_MAX))
		return false;
	return buffer_grow(&c->worker->buffers, &r->out, size);
}

/* Room for more of the body: what was sent is given up when there is no other. */
static void out_make_room(struct client *c)
{
	struct request *r = &c->request;

	if (r->sent != r->out.end || !r->sent || r->state < REQUEST_SENT)
		return;
	if (r->kept && buffer_space(&r->out) > r->out.size / 4)
		return;
	if (keep_more(c))
		return;
	r->kept = false;
	r->out.end = r->sent = r->head_length = 0;
	if (r->out.size > BUFFER_LARGE)
		buffer_give(&c->worker->buffers, &r->out);
	else
		body_grow(&c->worker->buffers, &r->out, r->received);
}

/* Bytes of the body in its framing, for which there is room; copies get them too. */
static void out_put(struct client *c, struct http_text body)
{
	struct request *r = &c->request;
	uint32_t from = r->out.end;

	if (body.length)
		body_put(&r->out, body, r->chunked);
	else if (r->chunked)
		body_end(&c->worker->buffers, &r->out, &c->parser);
	if (r->mirrors)
		mirrors_put(c, r->out.at + from, r->out.end - from);
}

static void request_whole(struct client *c)
{
	struct request *r = &c->request;

	r->whole = true;
	out_put(c, (struct http_text){0});
	mirrors_send(c);
	if (r->timeout && r->counted)
		timer_set(&c->worker->timers, &r->timer, c->worker->now + r->timeout);
}

static void request_wrong(struct client *c)
{
	struct request *r = &c->request;

	r->flags |= FLAG_DPE;
	r->details = "http1.codec_error";
	r->close = true;
	if (r->state != REQUEST_ANSWERED) {
		reply_text(c, c->parser.wrong.status, "");
		return;
	}
	/* no second answer inside of the first one: that ends where it stands */
	r->broken = !r->answer_whole;
	r->whole = r->answer_whole = true;
	attempt_drop(c, false);
}

/* The same as request_read() of what then comes, where all of it is body. */
static size_t request_receive(struct client *c)
{
	struct request *r = &c->request;
	size_t n = body_receive(&c->stream, &c->parser, &c->in, &r->out);

	r->received += n;
	if (r->mirrors && n)
		mirrors_put(c, r->out.at + r->out.end - n, (uint32_t)n);
	return n;
}

/* Reads what is there of the body into `out`; what it says next. */
static enum http1_event request_read(struct client *c)
{
	struct request *r = &c->request;
	enum http1_event event = HTTP1_MORE;
	size_t taken, length;

	do {
		length = body_readable(&c->in, &r->out);
		event = http1_feed(&c->parser, c->in.at + c->in.begin, length, &taken);
		c->in.begin += (uint32_t)taken;
		if (event == HTTP1_BODY) {
			out_put(c, c->parser.body);
			r->received += c->parser.body.length;
		}
	} while (event == HTTP1_BODY || (event == HTTP1_MORE && taken));
	return event;
}

static bool request_pull(struct client *c)
{
	struct buffers *buffers = &c->worker->buffers;
	struct request *r = &c->request;
	size_t got = 0, before;
	enum http1_event event;

	if (r->whole)
		return false;
	if (r->out.at)
		out_make_room(c);
	if (!buffer_take(buffers, &c->in) || !buffer_take(buffers, &r->out))
		return false;
	before = r->received;
	if (!buffer_length(&c->in) && !r->chunked && http1_plain(&c->parser)) {
		got = buffer_space(&r->out) ? request_receive(c) : 0;
	} else {
		if (c->in.begin == c->in.end)
			c->in.begin = c->in.end = 0;
		if (buffer_space(&r->out) > BODY_ROOM)
			got = stream_receive(&c->stream, &c->in);
	}
	event = request_read(c);
	if (event == HTTP1_END)
		request_whole(c);
	else if (event == HTTP1_WRONG)
		request_wrong(c);
	if (c->in.begin == c->in.end)
		buffer_give(buffers, &c->in);
	return got || r->received != before || event == HTTP1_END || event == HTTP1_WRONG;
}

static bool request_push(struct client *c)
{
	struct request *r = &c->request;
	struct iovec part;
	size_t n;

	if (!r->upstream || r->state < REQUEST_SENT || !r->out.at)
		return false;
	part = (struct iovec){r->out.at + r->sent, r->out.end - r->sent};
	n = stream_send_parts(&r->upstream->stream, &part, 1);
	r->sent += (uint32_t)n;
	if (r->whole && r->sent == r->out.end && r->state == REQUEST_ANSWERED) {
		buffer_give(&c->worker->buffers, &r->out);
		r->sent = 0;
	}
	return n;
}

bool relay_request(struct client *c)
{
	bool moved = request_pull(c);

	return c->state == CLIENT_SERVING && c->request.state != REQUEST_REPLIED
		       ? request_push(c) || moved
		       : moved;
}

bool relay_drop_request(struct client *c)
{
	size_t taken, before = buffer_length(&c->in);
	enum http1_event event;

	if (c->request.whole || !before)
		return false;
	do {
		event = http1_feed(&c->parser, c->in.at + c->in.begin, buffer_length(&c->in),
				   &taken);
		c->in.begin += (uint32_t)taken;
	} while (event == HTTP1_BODY || (event == HTTP1_MORE && taken));
	c->request.whole = event == HTTP1_END;
	return buffer_length(&c->in) != before || c->request.whole;
}

bool relay_reply(struct client *c)
{
	struct http_text *rest = &c->request.rest;
	size_t length;

	if (!rest->length || !buffer_take(&c->worker->buffers, &c->out))
		return false;
	if (c->out.begin == c->out.end)
		c->out.begin = c->out.end = 0;
	length = buffer_space(&c->out) < rest->length ? buffer_space(&c->out) : rest->length;
	buffer_put(&c->out, rest->at, length);
	rest->at += length;
	rest->length -= length;
	c->request.answer_whole = !rest->length;
	return length;
}
