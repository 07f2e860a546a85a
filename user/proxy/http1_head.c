// SPDX-License-Identifier: GPL-2.0
/* Complete lines to a head or to trailers: llhttp takes them apart, what it lets pass is checked.
 */
#include "proxy/http1_head.h"
#include <errno.h>
#include <string.h>

#define METHOD_MAX 32
#define AFTER_TARGET 11 /* " HTTP/1.1\r\n" */

static bool is_token_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static int version_check(struct http1 *p, const char *at)
{
	bool digits = at[5] >= '0' && at[5] <= '9' && at[6] == '.' && at[7] >= '0' && at[7] <= '9';

	if (memcmp(at, "HTTP/", 5) || !digits)
		return http1_refuse(p, 400, "the first line is not one of HTTP/1.1");
	if (at[5] != '1' || at[7] > '1')
		return http1_refuse(p, 505, "the version is neither HTTP/1.0 nor HTTP/1.1");
	p->head.minor = at[7] - '0';
	return 0;
}

/* "METHOD TARGET HTTP/1.1" with one space each. */
static int request_line_check(struct http1 *p, bool whole)
{
	const char *at = p->lines.at, *space;
	size_t nr = p->lines.nr, method, rest;

	space = memchr(at, ' ', nr < METHOD_MAX ? nr : METHOD_MAX);
	method = space ? (size_t)(space - at) : nr;
	for (size_t i = 0; i < method && i < METHOD_MAX; i++)
		if (!is_token_byte(at[i]))
			return http1_refuse(p, 400, "the first line begins with no method");
	if ((space && !method) || method >= METHOD_MAX)
		return http1_refuse(p, 400, "the first line begins with no method");
	rest = space ? nr - method - 1 : 0;
	if (rest > p->limits.target + AFTER_TARGET)
		return http1_refuse(p, 414, "the target is too long");
	if (!whole)
		return 0;
	if (rest <= AFTER_TARGET || at[nr - AFTER_TARGET] != ' ')
		return http1_refuse(p, 400, "the first line is not one of HTTP/1.1");
	if (memchr(space + 1, ' ', rest - AFTER_TARGET))
		return http1_refuse(p, 400, "the first line has a space too many");
	p->head.request.method = (struct http_text){at, method};
	return version_check(p, at + nr - AFTER_TARGET + 1);
}

static int status_line_check(struct http1 *p, bool whole)
{
	const char *at = p->lines.at;

	if (at[0] != 'H')
		return http1_refuse(p, 400, "the first line is not one of HTTP/1.1");
	if (!whole)
		return 0;
	if (p->lines.nr < 10)
		return http1_refuse(p, 400, "the first line is not one of HTTP/1.1");
	return version_check(p, at);
}

int http1_start_check(struct http1 *p, bool whole)
{
	if (!p->lines.nr)
		return 0;
	return p->response ? status_line_check(p, whole) : request_line_check(p, whole);
}

#define LOW(x) (0x0101010101010101u * (x))

/* Whether eight bytes have one below ' ', or DEL. */
static bool eight_have_control(uint64_t x)
{
	uint64_t del = x ^ LOW(0x7f);

	return (((x - LOW(' ')) & ~x) | ((del - LOW(1)) & ~del)) & LOW(0x80);
}

bool http1_has_control(struct http_text t)
{
	size_t i = 0;
	uint64_t x;

	for (; i + sizeof(x) <= t.length; i += sizeof(x)) {
		memcpy(&x, t.at + i, sizeof(x));
		if (eight_have_control(x))
			break;
	}
	for (; i < t.length; i++)
		if (((unsigned char)t.at[i] < ' ' && t.at[i] != '\t') || t.at[i] == 0x7f)
			return true;
	return false;
}

static int status_read(struct http1 *p)
{
	p->head.status = llhttp_get_status_code(&p->llhttp);
	if (p->head.status < 100)
		return http1_refuse(p, 502, "the status is below 100");
	if (http1_has_control(p->head.reason))
		return http1_refuse(p, 502, "the reason has a control character");
	return 0;
}

/* The request line's texts move when the lines grow, so they are set once all are there. */
static int request_read(struct http1 *p)
{
	const struct http_text *host = NULL;
	struct http_text found;
	size_t kept = 0;

	p->head.request.method.at = p->lines.at;
	if (llhttp_get_method(&p->llhttp) == HTTP_CONNECT)
		return http1_refuse(p, 501, "CONNECT is not served");
	for (size_t i = 0; i < p->headers.list.nr; i++) {
		struct http_header h = p->headers.list.at[i];

		if (!http_text_is(h.name, "host")) {
			p->headers.list.at[kept++] = h;
			continue;
		}
		if (host)
			return http1_refuse(p, 400, "Host is repeated");
		found = h.value;
		host = &found;
	}
	p->headers.list.nr = kept;
	if (!host && p->head.minor)
		return http1_refuse(p, 400, "Host is missing");
	return http1_target_read(p, host);
}

/* Lets llhttp pass the end of the head, so that it goes on with what follows. */
static int chunks_begin(struct http1 *p)
{
	const char *at = llhttp_get_error_pos(&p->llhttp), *end = p->lines.at + p->lines.nr;

	if (p->head.framing.how != HTTP1_CHUNKED)
		return 0;
	llhttp_resume(&p->llhttp);
	if (llhttp_execute(&p->llhttp, at, end - at) == HPE_OK)
		return 0;
	return http1_refuse(p, 400, "the headers that delimit the body are not clear");
}

int http1_head_read(struct http1 *p)
{
	enum llhttp_errno e;

	llhttp_init(&p->llhttp, p->response ? HTTP_RESPONSE : HTTP_REQUEST, &http1_settings);
	p->llhttp.data = p;
	p->filled = &p->headers;
	e = llhttp_execute(&p->llhttp, p->lines.at, p->lines.nr);
	if (http1_llhttp_stopped(p, e))
		return -EINVAL;
	if (p->response ? status_read(p) : request_read(p))
		return -EINVAL;
	p->head.request.headers = p->headers.list.at;
	p->head.request.nr_headers = p->headers.list.nr;
	return http1_framing_read(p) || chunks_begin(p) ? -EINVAL : 0;
}

int http1_trailers_read(struct http1 *p)
{
	static const char *const heads[] = {"content-length", "transfer-encoding", "host",
					    "connection"};
	struct http_header *h;
	enum llhttp_errno e;

	p->filled = &p->trailers;
	llhttp_resume(&p->llhttp);
	e = llhttp_execute(&p->llhttp, p->tail.at, p->tail.nr);
	if (http1_llhttp_stopped(p, e))
		return -EINVAL;
	vec_each (&p->trailers.list, h)
		for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
			if (http_text_is(h->name, heads[i]))
				return http1_refuse(p, 400, "a trailer belongs into the head");
	return 0;
}
