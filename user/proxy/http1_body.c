// SPDX-License-Identifier: GPL-2.0
/* What llhttp calls back with, and chunked bodies, which it reads. */
#include <errno.h>
#include <string.h>
#include "proxy/http1_head.h"

#define CHUNK_LINE_MAX 256 /* a size, its extensions and the line ends around them */

static int on_url(llhttp_t *l, const char *at, size_t length)
{
	struct http1 *p = l->data;

	p->head.request.path = (struct http_text){at, length};
	return 0;
}

static int on_status(llhttp_t *l, const char *at, size_t length)
{
	struct http1 *p = l->data;

	p->head.reason = (struct http_text){at, length};
	return 0;
}

static int on_field(llhttp_t *l, const char *at, size_t length)
{
	struct http1 *p = l->data;

	if (p->filled->list.nr == p->limits.nr_headers)
		return http1_refuse(p, 431, "too many headers");
	vec_push(&p->filled->list, ((struct http_header){{at, length}, {at + length, 0}}));
	return 0;
}

static int on_value(llhttp_t *l, const char *at, size_t length)
{
	struct http1 *p = l->data;

	while (length && (at[length - 1] == ' ' || at[length - 1] == '\t'))
		length--;
	p->filled->list.at[p->filled->list.nr - 1].value = (struct http_text){at, length};
	return 0;
}

/* An upgrade is granted by the response, so up to then a request is followed by others. */
static int on_headers_complete(llhttp_t *l)
{
	l->upgrade = 0;
	return HPE_PAUSED;
}

static int on_body(llhttp_t *l, const char *at, size_t length)
{
	struct http1 *p = l->data;

	p->body = (struct http_text){at, length};
	return length ? HPE_PAUSED : 0;
}

static int on_chunk_header(llhttp_t *l)
{
	struct http1 *p = l->data;

	p->last_chunk = !l->content_length;
	return p->last_chunk ? HPE_PAUSED : 0;
}

static int on_extension_name(llhttp_t *l, const char *at, size_t length)
{
	struct http1 *p = l->data;

	(void)at;
	(void)length;
	p->extension = 0;
	return 0;
}

static int on_extension_value(llhttp_t *l, const char *at, size_t length)
{
	struct http1 *p = l->data;

	(void)at;
	p->extension += length;
	return 0;
}

static int on_extension_value_complete(llhttp_t *l)
{
	struct http1 *p = l->data;

	return p->extension ? 0 : http1_refuse(p, 400, "a chunk extension without its value");
}

static int on_message_complete(llhttp_t *l)
{
	(void)l;
	return HPE_PAUSED;
}

const llhttp_settings_t http1_settings = {
	.on_url = on_url,
	.on_status = on_status,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_chunk_header = on_chunk_header,
	.on_chunk_extension_name = on_extension_name,
	.on_chunk_extension_value = on_extension_value,
	.on_chunk_extension_value_complete = on_extension_value_complete,
	.on_message_complete = on_message_complete,
};

/* In our words: those of llhttp change with its version. */
static const char *reason_of(const struct http1 *p, enum llhttp_errno e)
{
	switch (e) {
	case HPE_INVALID_URL:
		return "the target is not valid";
	case HPE_INVALID_STATUS:
		return "the status is not valid";
	case HPE_INVALID_CONTENT_LENGTH:
	case HPE_UNEXPECTED_CONTENT_LENGTH:
		return "Content-Length is not valid";
	case HPE_INVALID_TRANSFER_ENCODING:
		return "Transfer-Encoding is not valid";
	case HPE_INVALID_CHUNK_SIZE:
		return "a chunk's size is not valid";
	default:
		return p->state == HTTP1_IN_CHUNKS ? "a chunk is not valid" : "a line is not valid";
	}
}

int http1_llhttp_stopped(struct http1 *p, enum llhttp_errno e)
{
	if (e == HPE_PAUSED)
		return 0;
	/* HPE_OK: of PRI it awaits more of the preface of HTTP/2 */
	if (e == HPE_INVALID_METHOD || e == HPE_INVALID_CONSTANT || e == HPE_OK)
		return http1_refuse(p, 501, "the method is not known");
	return http1_refuse(p, 400, reason_of(p, e));
}

enum http1_event http1_chunks_feed(struct http1 *p, const char *bytes, size_t length, size_t *taken)
{
	enum llhttp_errno e;

	llhttp_resume(&p->llhttp);
	p->body = (struct http_text){0};
	e = llhttp_execute(&p->llhttp, bytes, length);
	*taken = e ? (size_t)(llhttp_get_error_pos(&p->llhttp) - bytes) : length;
	p->overhead += *taken - p->body.length;
	/* whichever came first, so that pieces come to the same as the whole */
	if (p->overhead > CHUNK_LINE_MAX) {
		p->wrong.status = 0;
		http1_refuse(p, 400, "a chunk's line is too long");
		return HTTP1_WRONG;
	}
	if (e && http1_llhttp_stopped(p, e))
		return HTTP1_WRONG;
	if (p->last_chunk)
		p->state = HTTP1_IN_TRAILERS;
	if (!p->body.length)
		return HTTP1_MORE;
	p->overhead = 0;
	return HTTP1_BODY;
}
