// SPDX-License-Identifier: GPL-2.0
/* Where a message ends and whether another one follows (RFC 9112, 6.3 and 9.3). */
#include <errno.h>
#include <string.h>
#include "proxy/http1_head.h"

struct said { /* by the headers */
	struct http_text encoding;
	size_t nr_encodings, nr_lengths;
	bool close, keep_alive, upgrade, protocol, h2c;
};

bool http1_element_next(struct http_text *list, struct http_text *element)
{
	const char *comma = list->length ? memchr(list->at, ',', list->length) : NULL;
	size_t whole = comma ? (size_t)(comma - list->at) : list->length;

	if (!list->length)
		return false;
	*element = (struct http_text){list->at, whole};
	whole += !!comma;
	*list = (struct http_text){list->at + whole, list->length - whole};
	while (element->length && (*element->at == ' ' || *element->at == '\t'))
		element->at++, element->length--;
	while (element->length && (element->at[element->length - 1] == ' ' ||
				   element->at[element->length - 1] == '\t'))
		element->length--;
	return true;
}

static void connection_read(struct said *s, struct http_text value)
{
	struct http_text e;

	while (http1_element_next(&value, &e)) {
		s->close |= http_text_is(e, "close");
		s->keep_alive |= http_text_is(e, "keep-alive");
		s->upgrade |= http_text_is(e, "upgrade");
	}
}

static void upgrade_read(struct said *s, struct http_text value)
{
	struct http_text e;

	while (http1_element_next(&value, &e)) {
		s->protocol |= e.length > 0;
		s->h2c |= http_text_is(e, "h2c");
	}
}

static void said_read(struct said *s, const struct http_header_list *l)
{
	const struct http_header *h;

	vec_each (&l->list, h) {
		if (http_text_is(h->name, "connection"))
			connection_read(s, h->value);
		else if (http_text_is(h->name, "upgrade"))
			upgrade_read(s, h->value);
		else if (http_text_is(h->name, "content-length"))
			s->nr_lengths++;
		else if (http_text_is(h->name, "transfer-encoding")) {
			s->nr_encodings++;
			s->encoding = h->value;
		}
	}
}

/* llhttp checks these too; a header that one of us reads otherwise ends the connection. */
static int said_check(struct http1 *p, const struct said *s)
{
	bool chunked = p->llhttp.flags & F_CHUNKED, length = p->llhttp.flags & F_CONTENT_LENGTH;

	if (s->nr_encodings + s->nr_lengths > 1)
		return http1_refuse(p, 400, "more than one header delimits the body");
	if (s->nr_encodings && !p->head.minor)
		return http1_refuse(p, 400, "Transfer-Encoding in HTTP/1.0");
	if (s->nr_encodings && !http_text_is(s->encoding, "chunked"))
		return http1_refuse(p, 501, "Transfer-Encoding is not chunked");
	if (chunked != (s->nr_encodings == 1) || length != (s->nr_lengths == 1))
		return http1_refuse(p, 400, "the headers that delimit the body are not clear");
	if (length && p->llhttp.content_length > INT64_MAX)
		return http1_refuse(p, 400, "Content-Length is too large");
	return 0;
}

/* A response that has no body whatever its headers say. */
static int bodiless_read(struct http1 *p, const struct said *s)
{
	struct http1_framing *f = &p->head.framing;
	bool never = p->head.status < 200 || p->head.status == 204;

	if (never && (s->nr_encodings || f->length))
		return http1_refuse(p, 502, "the status allows no body");
	if (never)
		f->has_length = false;
	if (p->head.status != 101)
		return 0;
	if (!p->answers_upgrade || !s->upgrade || !s->protocol)
		return http1_refuse(p, 502, "another protocol that was not asked for");
	f->how = HTTP1_TUNNEL;
	return 0;
}

static int how_read(struct http1 *p, const struct said *s)
{
	struct http1_framing *f = &p->head.framing;
	uint16_t status = p->head.status;

	f->has_length = s->nr_lengths;
	f->length = f->has_length ? p->llhttp.content_length : 0;
	if (p->response && (p->answers_head || status < 200 || status == 204 || status == 304))
		return bodiless_read(p, s);
	if (s->nr_encodings)
		f->how = HTTP1_CHUNKED;
	else if (f->has_length)
		f->how = f->length ? HTTP1_LENGTH : HTTP1_NONE;
	else
		f->how = p->response ? HTTP1_UNTIL_CLOSE : HTTP1_NONE;
	return 0;
}

int http1_framing_read(struct http1 *p)
{
	struct http1_head *h = &p->head;
	struct said s = {0};

	said_read(&s, &p->headers);
	if (said_check(p, &s) || how_read(p, &s))
		return -EINVAL;
	h->keep_alive =
		!s.close && (h->minor || s.keep_alive) && h->framing.how < HTTP1_UNTIL_CLOSE;
	h->upgrade = s.upgrade && s.protocol && !s.h2c && h->minor &&
		     (p->response ? h->status == 101 : h->framing.how == HTTP1_NONE);
	return 0;
}
