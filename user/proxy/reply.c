// SPDX-License-Identifier: GPL-2.0
/* What a client is told when no upstream's answer can be passed on. */
#include "proxy/reply.h"
#include <stdio.h>
#include <string.h>
#include "proxy/attempt.h"
#include "proxy/head.h"
#include "proxy/relay.h"

#define SHORT_BODY 1024 /* a longer one is the table's */
#define RESET_BODY 256

const char *reply_reason(uint16_t status)
{
	static const struct {
		uint16_t status;
		const char *reason;
	} reasons[] = {
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{204, "No Content"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{303, "See Other"},
		{304, "Not Modified"},
		{307, "Temporary Redirect"},
		{308, "Permanent Redirect"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{413, "Payload Too Large"},
		{414, "URI Too Long"},
		{418, "I'm a teapot"},
		{422, "Unprocessable Entity"},
		{426, "Upgrade Required"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
		{507, "Insufficient Storage"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}

void reply_headers(struct client *c)
{
	c->worker->headers.list.nr = 0;
	c->worker->nr_printed = 0;
}

static bool has_header(const struct client *c, const char *name)
{
	const struct http_header *h;

	vec_each (&c->worker->headers.list, h)
		if (http_text_is(h->name, name))
			return true;
	return false;
}

/* A gRPC client reads its own status, and takes any other as a failure of transport. */
static void grpc_reply(struct client *c, uint16_t status, const char *body, size_t length)
{
	static const uint16_t from[] = {400, 401, 403, 404, 429, 502, 503, 504};
	static const char *const to[] = {"13", "16", "7", "12", "14", "14", "14", "14"};
	const char *code = "2";

	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++)
		if (from[i] == status)
			code = to[i];
	head_add(c, "content-type", http_text("application/grpc"));
	head_add(c, "grpc-status", http_text(code));
	if (length)
		head_add(c, "grpc-message", (struct http_text){body, length});
}

static bool has_body(const struct client *c, uint16_t status)
{
	return !http_text_is(c->request.asked.method, "HEAD") && status != 204 && status != 304;
}

/* Writes the head; of the body what has room, which is all of a short one. */
static bool reply_put(struct client *c, uint16_t status, const char *body, size_t length,
		      bool by_rule)
{
	struct buffers *buffers = &c->worker->buffers;

	if (!buffer_take(buffers, &c->out))
		return false;
	buffer_pack(&c->out);
	if (buffer_space(&c->out) < BUFFER_SIZE / 2 &&
	    !buffer_grow(buffers, &c->out, BUFFER_LARGE))
		return false;
	if (head_reply_put(c, &c->out, status, length, by_rule) ||
	    buffer_space(&c->out) < (length < SHORT_BODY ? length : SHORT_BODY))
		return false;
	if (has_body(c, status))
		c->request.rest = (struct http_text){body, length};
	relay_reply(c);
	c->request.answer_whole = !c->request.rest.length;
	return true;
}

void reply(struct client *c, uint16_t status, const char *body, size_t length, bool by_rule)
{
	struct request *r = &c->request;

	attempt_drop(c, false);
	timer_stop(&r->timer);
	timer_stop(&r->try_timer);
	r->status = status;
	relay_drop_request(c);
	r->close = r->close || !c->parser.head.keep_alive || !r->whole;
	if (head_is_grpc(c) && !by_rule && status != 200) {
		grpc_reply(c, status, body, length);
		status = 200;
		length = 0;
	} else if (length && !has_header(c, "content-type")) {
		head_add(c, "content-type", http_text("text/plain"));
	}
	if (!reply_put(c, status, body, length, by_rule)) {
		buffer_give(&c->worker->buffers, &c->out);
		r->close = r->answer_whole = true;
	}
	r->sent_bytes = has_body(c, status) ? length : 0;
	request_set_state(r, REQUEST_REPLIED);
}

void reply_text(struct client *c, uint16_t status, const char *body)
{
	reply_headers(c);
	reply(c, status, body, strlen(body), false);
}

/* "upstream_reset_before_response_started{connection_termination}" */
static const char *reset_details(const char *why)
{
	static const char *const all[][2] = {
		{"remote connection failure",
		 "upstream_reset_before_response_started{remote_connection_failure}"},
		{"local connection failure",
		 "upstream_reset_before_response_started{local_connection_failure}"},
		{"connection timeout",
		 "upstream_reset_before_response_started{connection_timeout}"},
		{"connection termination",
		 "upstream_reset_before_response_started{connection_termination}"},
		{"remote reset", "upstream_reset_before_response_started{remote_reset}"},
		{"protocol error", "upstream_reset_before_response_started{protocol_error}"},
		{"overflow", "upstream_reset_before_response_started{overflow}"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(all[i][0], why))
			return all[i][1];
	return "upstream_reset_before_response_started";
}

/* Begins such an answer; its body has RESET_BODY bytes of room. */
static void reset_tell(struct client *c, unsigned flag, const char *why, const char *transport,
		       char *body)
{
	struct request *r = &c->request;

	r->flags |= flag;
	r->details = reset_details(why);
	snprintf(body, RESET_BODY,
		 "upstream connect error or disconnect/reset before headers. %s: %s%s%s",
		 r->attempts > 1 ? "retried and the latest reset reason" : "reset reason", why,
		 *transport ? ", transport failure reason: " : "", transport);
}

void reply_failed(struct client *c, unsigned flag, const char *why, const char *transport)
{
	char body[RESET_BODY];

	reset_tell(c, flag, why, transport, body);
	reply_text(c, flag == FLAG_UPE ? 502 : 503, body);
}

void reply_overflow(struct client *c)
{
	char body[RESET_BODY];

	reset_tell(c, FLAG_UO, "overflow", "", body);
	reply_headers(c);
	head_add(c, "x-envoy-overloaded", http_text("true"));
	reply(c, 503, body, strlen(body), false);
}

void reply_timeout(struct client *c, const char *details)
{
	c->request.flags |= FLAG_UT;
	c->request.details = details;
	if (control_seen(&c->request.controls, CONTROL_TIMEOUT_ANSWER))
		reply_text(c, 204, "");
	else
		reply_text(c, 504, "upstream request timeout");
}
