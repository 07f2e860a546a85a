// SPDX-License-Identifier: GPL-2.0
/* Moves answers to clients, from one framing to the other. */
#include "proxy/relay.h"
#include <errno.h>
#include <string.h>
#include "proxy/attempt.h"
#include "proxy/body.h"
#include "proxy/head.h"
#include "proxy/reply.h"

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

	if (!done && buffer_grow(buffers, &c->out, BUFFER_LARGE))
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
		body_end(&c->worker->buffers, &c->out, &r->upstream->parser);
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
	r->flags |= failure == FAILED_PROTOCOL ? FLAG_UPE
		    : failure == FAILED_RESET  ? FLAG_UR
					       : FLAG_UC;
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
	size_t taken, length = body_readable(&u->in, &c->out);
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

	if (u->stream.error == ECONNRESET)
		answer_broken(c, FAILED_RESET);
	else if (u->stream.error || c->request.state != REQUEST_ANSWERED ||
		 http1_eof(&u->parser) != HTTP1_END)
		answer_broken(c, FAILED_CLOSED);
	else
		answer_end(c);
}

static bool is_tunnel(const struct request *r)
{
	return r->state == REQUEST_ANSWERED && r->status == 101;
}

/* True: what comes of the answer can go to the client as it is. */
static bool answer_is_plain(const struct client *c)
{
	const struct request *r = &c->request;

	return r->state == REQUEST_ANSWERED &&
	       (r->framing == FRAMING_LENGTH || r->framing == FRAMING_CLOSE) &&
	       !buffer_length(&r->upstream->in) && http1_plain(&r->upstream->parser);
}

/* Bytes that came; 0 also where there is no memory for them. */
static size_t answer_receive(struct client *c)
{
	struct request *r = &c->request;
	struct upstream *u = r->upstream;
	size_t n;

	if (!buffer_take(&c->worker->buffers, &u->in))
		return 0;
	if (answer_is_plain(c)) {
		body_grow(&c->worker->buffers, &c->out, r->sent_bytes);
		n = body_receive(&u->stream, &u->parser, &u->in, &c->out);
		r->sent_bytes += n;
		return n;
	}
	if (u->in.begin == u->in.end)
		u->in.begin = u->in.end = 0;
	return stream_receive(&u->stream, &u->in);
}

bool relay_answer(struct client *c)
{
	struct request *r = &c->request;
	struct upstream *u = r->upstream;
	size_t got;

	if (!u || (r->state != REQUEST_SENT && r->state != REQUEST_ANSWERED) || is_tunnel(r) ||
	    !buffer_take(&c->worker->buffers, &c->out) || buffer_space(&c->out) <= BODY_ROOM)
		return false;
	got = answer_receive(c);
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
