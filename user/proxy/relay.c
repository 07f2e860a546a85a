// SPDX-License-Identifier: GPL-2.0
/* Moves bodies both ways, from one framing to the other. */
#include "proxy/relay.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "proxy/attempt.h"
#include "proxy/head.h"
#include "proxy/reply.h"

#define CHUNK_ROOM 32 /* what a chunk has around its data, and the last one */

/* A part of a body, in the framing of who gets it. There is room for it. */
static void body_put(struct buffer *b, struct http_text body, bool chunked)
{
	assert(body.length + CHUNK_ROOM <= buffer_space(b));
	if (chunked)
		b->end += (uint32_t)sprintf(b->at + b->end, "%zx\r\n", body.length);
	buffer_put(b, body.at, body.length);
	if (chunked)
		buffer_put(b, "\r\n", 2);
}

/* How much of `in` may be read so that what comes of it has room. */
static size_t readable(const struct buffer *in, const struct buffer *out)
{
	size_t length = buffer_length(in), space = buffer_space(out);

	space = space > CHUNK_ROOM ? space - CHUNK_ROOM : 0;
	return length < space ? length : space;
}

/* Room for more of the body: what was sent is given up when there is no other. */
static void out_make_room(struct request *r)
{
	if (r->sent != r->out.end || !r->sent)
		return;
	if (r->kept && buffer_space(&r->out) > r->out.size / 4)
		return;
	if (r->state < REQUEST_SENT)
		return;
	r->kept = false;
	r->out.end = r->sent = r->head_length = 0;
}

static void request_whole(struct client *c)
{
	struct request *r = &c->request;

	r->whole = true;
	if (r->chunked)
		buffer_put(&r->out, "0\r\n\r\n", 5);
	if (r->timeout && r->counted)
		timer_set(&c->worker->timers, &r->timer, c->worker->now + r->timeout);
}

static void request_wrong(struct client *c)
{
	c->request.flags |= FLAG_DPE;
	c->request.details = "http1.codec_error";
	c->request.close = true;
	reply_text(c, c->parser.wrong.status, "");
}

/* Reads what is there of the body into `out`; what it says next. */
static enum http1_event request_read(struct client *c)
{
	struct request *r = &c->request;
	enum http1_event event = HTTP1_MORE;
	size_t taken, length;

	do {
		length = readable(&c->in, &r->out);
		event = http1_feed(&c->parser, c->in.at + c->in.begin, length, &taken);
		c->in.begin += (uint32_t)taken;
		if (event == HTTP1_BODY) {
			body_put(&r->out, c->parser.body, r->chunked);
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

	if (r->whole || !buffer_take(buffers, &c->in) || !buffer_take(buffers, &r->out))
		return false;
	out_make_room(r);
	if (c->in.begin == c->in.end)
		c->in.begin = c->in.end = 0;
	if (buffer_space(&r->out) > CHUNK_ROOM)
		got = stream_receive(&c->stream, &c->in);
	before = r->received;
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
	if (r->whole && r->sent == r->out.end && r->state == REQUEST_ANSWERED)
		buffer_give(&c->worker->buffers, &r->out);
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

/* ---- the answer ---- */

static enum request_framing framing_of(struct client *c, const struct http1_head *answer)
{
	switch (answer->framing.how) {
	case HTTP1_NONE:
	case HTTP1_TUNNEL:
		return FRAMING_NONE;
	case HTTP1_LENGTH:
		return FRAMING_LENGTH;
	case HTTP1_CHUNKED:
	case HTTP1_UNTIL_CLOSE:
		break;
	}
	return c->parser.head.minor ? FRAMING_CHUNKED : FRAMING_CLOSE;
}

/* An answer that goes before the answer. */
static void interim(struct client *c)
{
	struct upstream *u = c->request.upstream;
	bool head = u->parser.answers_head, upgrade = u->parser.answers_upgrade;

	if (c->parser.head.minor)
		head_interim_put(c, &c->out);
	http1_next(&u->parser);
	u->parser.answers_head = head;
	u->parser.answers_upgrade = upgrade;
}

static void answer_head_put(struct client *c)
{
	struct buffers *buffers = &c->worker->buffers;
	struct request *r = &c->request;
	bool done = !head_answer_put(c, &c->out);

	if (!done && buffer_grow(buffers, &c->out))
		done = !head_answer_put(c, &c->out);
	if (done) {
		request_set_state(r, REQUEST_ANSWERED);
		return;
	}
	r->flags |= FLAG_UPE;
	r->details = "response_headers_do_not_fit";
	reply_text(c, 502, "");
}

static void answer_begin(struct client *c)
{
	struct request *r = &c->request;
	const struct http1_head *answer = &r->upstream->parser.head;

	if (answer->status < 200 && answer->status != 101) {
		interim(c);
		return;
	}
	r->upstream_took = c->worker->now - r->try_began;
	if (attempt_answered(c))
		return;
	timer_stop(&r->try_timer);
	r->kept = false;
	r->status = answer->status;
	r->details = "via_upstream";
	r->framing = framing_of(c, answer);
	r->close = r->close || !c->parser.head.keep_alive || r->framing == FRAMING_CLOSE;
	answer_head_put(c);
}

static void answer_end(struct client *c)
{
	struct request *r = &c->request;
	bool keep = r->upstream->parser.head.keep_alive && r->whole && r->sent == r->out.end;

	if (r->framing == FRAMING_CHUNKED)
		buffer_put(&c->out, "0\r\n\r\n", 5);
	r->answer_whole = true;
	attempt_drop(c, keep);
}

/* The upstream broke off, or sends what is no http. */
static void answer_broken(struct client *c, enum attempt_failure failure)
{
	struct request *r = &c->request;

	if (r->state != REQUEST_ANSWERED) {
		attempt_failed(c, failure, 0);
		return;
	}
	/* What is missing must be seen to be missing. */
	r->flags |= failure == FAILED_PROTOCOL ? FLAG_UPE : FLAG_UC;
	r->broken = r->close = r->answer_whole = true;
	attempt_drop(c, false);
}

static void answer_body(struct client *c)
{
	struct request *r = &c->request;
	struct http_text body = r->upstream->parser.body;

	body_put(&c->out, body, r->framing == FRAMING_CHUNKED);
	r->sent_bytes += body.length;
}

/* One event; false: nothing more can be read now. */
static bool answer_step(struct client *c)
{
	struct upstream *u = c->request.upstream;
	size_t taken, length = readable(&u->in, &c->out);
	enum http1_event event = http1_feed(&u->parser, u->in.at + u->in.begin, length, &taken);

	u->in.begin += (uint32_t)taken;
	switch (event) {
	case HTTP1_MORE:
		return taken;
	case HTTP1_HEAD:
		answer_begin(c);
		return true;
	case HTTP1_BODY:
		answer_body(c);
		return true;
	case HTTP1_END:
		if (c->request.state == REQUEST_ANSWERED)
			answer_end(c);
		return true;
	case HTTP1_WRONG:
		answer_broken(c, FAILED_PROTOCOL);
		return true;
	}
	return false;
}

/* Nothing more comes. */
static void answer_eof(struct client *c)
{
	struct upstream *u = c->request.upstream;

	if (u->stream.error || c->request.state != REQUEST_ANSWERED ||
	    http1_eof(&u->parser) != HTTP1_END)
		answer_broken(c, FAILED_CLOSED);
	else
		answer_end(c);
}

static bool is_tunnel(const struct request *r)
{
	return r->state == REQUEST_ANSWERED && r->status == 101;
}

bool relay_answer(struct client *c)
{
	struct request *r = &c->request;
	struct upstream *u = r->upstream;
	size_t got;

	if (!u || (r->state != REQUEST_SENT && r->state != REQUEST_ANSWERED) || is_tunnel(r) ||
	    !buffer_take(&c->worker->buffers, &u->in) ||
	    !buffer_take(&c->worker->buffers, &c->out) || buffer_space(&c->out) <= CHUNK_ROOM)
		return false;
	if (u->in.begin == u->in.end)
		u->in.begin = u->in.end = 0;
	got = stream_receive(&u->stream, &u->in);
	while (r->upstream == u && !is_tunnel(r) && answer_step(c))
		;
	if (r->upstream != u || is_tunnel(r))
		return true;
	if (u->in.begin != u->in.end)
		return got;
	buffer_give(&c->worker->buffers, &u->in);
	if (!u->stream.ended)
		return got;
	answer_eof(c);
	return true;
}
