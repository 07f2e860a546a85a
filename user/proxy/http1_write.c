// SPDX-License-Identifier: GPL-2.0
/* Heads of HTTP/1.1, as one reader of them would want them all to be. */
#include "proxy/http1_write.h"
#include <errno.h>
#include <string.h>
#include "proxy/digits.h"
#include "proxy/http1_head.h"

/* ---- what belongs to one connection ---- */

static bool is_hop(struct http_text name, bool tunnel)
{
	return http_text_is(name, "connection") || http_text_is(name, "keep-alive") ||
	       http_text_is(name, "te") || http_text_is(name, "proxy-connection") ||
	       http_text_is(name, "proxy-authenticate") ||
	       http_text_is(name, "proxy-authorization") ||
	       (!tunnel && http_text_is(name, "upgrade"));
}

static bool same(struct http_text a, struct http_text b)
{
	return a.length == b.length && !strncasecmp(a.at, b.at, a.length);
}

/* Empties the names that a value of Connection lists; that of Upgrade is a hop by itself. */
static void listed_mark(struct http_header_list *l, struct http_text value)
{
	struct http_header *h;
	struct http_text e;

	while (http1_element_next(&value, &e)) {
		if (http_text_is(e, "upgrade") || http_text_is(e, "close") ||
		    http_text_is(e, "keep-alive") || http_text_is(e, "connection"))
			continue;
		vec_each(&l->list, h)
			if (same(h->name, e))
				h->name.length = 0;
	}
}

void http1_hops_remove(struct http_header_list *l, bool tunnel)
{
	struct http_header *h;
	size_t kept = 0;

	vec_each(&l->list, h)
		if (http_text_is(h->name, "connection"))
			listed_mark(l, h->value);
	vec_each(&l->list, h)
		if (h->name.length && !is_hop(h->name, tunnel))
			l->list.at[kept++] = *h;
	l->list.nr = kept;
}

/* ---- writing ---- */

struct writing { /* goes on after an error, which is kept */
	struct http1_out *out;
	size_t nr;
	int err;
};

static void put(struct writing *w, const char *at, size_t length)
{
	if (w->err || w->out->cap - w->nr < length) {
		w->err = w->err ?: -ENOBUFS;
		return;
	}
	if (length)
		memcpy(w->out->at + w->nr, at, length);
	w->nr += length;
}

#define put_text(w, s) put(w, s, sizeof(s) - 1)

static void put_checked(struct writing *w, struct http_text t)
{
	if (!w->err && http1_has_control(t))
		w->err = -EINVAL;
	put(w, t.at, t.length);
}

/* A word of the first line: no spaces either, and something. */
static void put_word(struct writing *w, struct http_text t, const char *end)
{
	if (!w->err && (!t.length || memchr(t.at, ' ', t.length) || memchr(t.at, '\t', t.length)))
		w->err = -EINVAL;
	put_checked(w, t);
	put(w, end, strlen(end));
}

static bool is_ours(struct http_text name)
{
	return http_text_is(name, "host") || http_text_is(name, "content-length") ||
	       http_text_is(name, "transfer-encoding") || http_text_is(name, "connection");
}

static bool is_name(struct http_text t)
{
	bool wrong = !t.length;

	for (size_t i = 0; i < t.length; i++) {
		unsigned char b = (unsigned char)t.at[i];

		wrong |= b <= ' ' || b == ':' || b == 0x7f;
	}
	return !wrong;
}

static void put_header(struct writing *w, const struct http_header *h)
{
	size_t size = h->name.length + h->value.length + 4;
	char *at = w->out->at + w->nr;

	if (!w->err && (!is_name(h->name) || http1_has_control(h->value)))
		w->err = -EINVAL;
	else if (!w->err && w->out->cap - w->nr < size)
		w->err = -ENOBUFS;
	if (w->err)
		return;
	at = mempcpy(mempcpy(at, h->name.at, h->name.length), ": ", 2);
	if (h->value.length)
		at = mempcpy(at, h->value.at, h->value.length);
	memcpy(at, "\r\n", 2);
	w->nr += size;
}

static void put_headers(struct writing *w, const struct http_header *headers, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct http_header *h = &headers[i];

		if (!is_ours(h->name))
			put_header(w, h);
	}
}

static void put_framing(struct writing *w, const struct http1_framing *f)
{
	char number[DIGITS_DECIMAL_MOST];

	if (f->how == HTTP1_CHUNKED) {
		put_text(w, "transfer-encoding: chunked\r\n");
	} else if (f->has_length && (f->how == HTTP1_LENGTH || f->how == HTTP1_NONE)) {
		put_text(w, "content-length: ");
		put(w, number, digits_decimal(number, f->length));
		put_text(w, "\r\n");
	}
}

static int put_end(struct writing *w, const struct http_request *r,
		   const struct http1_framing *framing, enum http1_connection connection)
{
	static const char *const said[] = {
		[HTTP1_SAY_NOTHING] = "",
		[HTTP1_SAY_KEEP] = "connection: keep-alive\r\n",
		[HTTP1_SAY_CLOSE] = "connection: close\r\n",
		[HTTP1_SAY_UPGRADE] = "connection: upgrade\r\n",
	};

	put_headers(w, r->headers, r->nr_headers);
	put_framing(w, framing);
	put(w, said[connection], strlen(said[connection]));
	put_text(w, "\r\n");
	if (!w->err)
		w->out->nr = w->nr;
	return w->err;
}

int http1_write_request(struct http1_out *out, const struct http_request *r,
			const struct http1_framing *framing, enum http1_connection connection)
{
	struct writing w = {.out = out, .nr = out->nr};

	put_word(&w, r->method, " ");
	put_word(&w, r->path, " HTTP/1.1\r\nhost: ");
	put_checked(&w, r->authority);
	put_text(&w, "\r\n");
	return put_end(&w, r, framing, connection);
}

int http1_write_response(struct http1_out *out, uint16_t status, struct http_text reason,
			 const struct http_request *r, const struct http1_framing *framing,
			 enum http1_connection connection)
{
	char number[DIGITS_DECIMAL_MOST];
	struct writing w = {.out = out, .nr = out->nr};

	put_text(&w, "HTTP/1.1 ");
	put(&w, number, digits_decimal(number, status));
	put_text(&w, " ");
	put_checked(&w, reason);
	put_text(&w, "\r\n");
	return put_end(&w, r, framing, connection);
}

int http1_write_last_chunk(struct http1_out *out, const struct http_header_list *trailers)
{
	struct writing w = {.out = out, .nr = out->nr};

	put_text(&w, "0\r\n");
	put_headers(&w, trailers->list.at, trailers->list.nr);
	put_text(&w, "\r\n");
	if (!w.err)
		out->nr = w.nr;
	return w.err;
}
