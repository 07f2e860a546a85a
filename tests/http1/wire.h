/* SPDX-License-Identifier: GPL-2.0 */
/* What a proxy has written: messages in its own few words, and not a byte beside them. */
#ifndef HTTP1_WIRE_H
#define HTTP1_WIRE_H

#include <stdint.h>
#include "want.h"

enum wire_state { WIRE_HEAD, WIRE_LENGTH, WIRE_CHUNK, WIRE_REST, WIRE_OVER, WIRE_BAD };

struct wire {
	enum wire_state state;
	bool response, no_body; /* no_body: the request was HEAD */
	struct buf in;		/* bytes not read yet */
	struct buf head, data;	/* as want_head() would have it */
	unsigned status;	/* of a response */
	bool close;
	uint64_t left;
};

static void wire_next(struct wire *w)
{
	buf_free(&w->head);
	buf_free(&w->data);
	w->state = WIRE_HEAD;
	w->close = false;
}

static void wire_free(struct wire *w)
{
	wire_next(w);
	buf_free(&w->in);
}

/* A line that the proxy adds by itself. */
static bool is_the_proxys(const char *line)
{
	static const char *const names[] = {
		"x-forwarded-proto: ", "x-request-id: ", "x-envoy-attempt-count: ", "date: ",
		"server: envoy", "x-envoy-upstream-service-time: ", "traceparent: ", "x-b3-"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(line, names[i], strlen(names[i])))
			return true;
	return false;
}

/* The body's framing, from the head's lines. */
static void wire_framing(struct wire *w)
{
	const char *length = strcasestr(w->head.at, "\ncontent-length: ");
	bool chunked = strstr(w->head.at, "\ntransfer-encoding: chunked\n");

	w->close = strstr(w->head.at, "\nconnection: close\n");
	w->state = w->response ? WIRE_REST : WIRE_OVER;
	w->left = length ? strtoull(length + 17, NULL, 10) : 0;
	if (length && chunked)
		w->state = WIRE_BAD;
	else if (w->response && (w->no_body || w->status < 200 || w->status == 204 ||
				 w->status == 304))
		w->state = w->status == 101 ? WIRE_REST : WIRE_OVER;
	else if (chunked)
		w->state = WIRE_CHUNK;
	else if (length)
		w->state = w->left ? WIRE_LENGTH : WIRE_OVER;
}

static bool wire_head(struct wire *w)
{
	char *end = w->in.nr ? memmem(w->in.at, w->in.nr, "\r\n\r\n", 4) : NULL, *next;

	if (!end)
		return false;
	for (char *line = w->in.at; line < end + 2; line = next) {
		next = (char *)memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2;
		if (is_the_proxys(line))
			continue;
		buf_add(&w->head, line, (size_t)(next - 2 - line));
		buf_text(&w->head, "\n");
	}
	w->status = w->response ? (unsigned)atoi(w->head.at + strcspn(w->head.at, " ")) : 0;
	buf_consume(&w->in, (size_t)(end + 4 - w->in.at));
	if (memchr(w->head.at, '\r', w->head.nr) || strlen(w->head.at) != w->head.nr)
		w->state = WIRE_BAD;
	else
		wire_framing(w);
	return true;
}

static bool wire_data(struct wire *w, uint64_t most)
{
	size_t n = w->in.nr < most ? w->in.nr : (size_t)most;

	if (!n)
		return false;
	buf_add(&w->data, w->in.at, n);
	buf_consume(&w->in, n);
	w->left -= n;
	if (w->state == WIRE_LENGTH && !w->left)
		w->state = WIRE_OVER;
	return true;
}

/* What follows the last chunk; as a whole, too. */
static bool wire_trailers(struct wire *w, char *line)
{
	char *end = memmem(line, w->in.nr - (size_t)(line - w->in.at), "\r\n\r\n", 4), *next;

	if (!end)
		return false;
	for (line += 2; line < end + 2; line = next) {
		next = (char *)memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2;
		buf_add(&w->data, line, (size_t)(next - 2 - line));
		buf_text(&w->data, "\n");
	}
	buf_consume(&w->in, (size_t)(end + 4 - w->in.at));
	w->state = WIRE_OVER;
	return true;
}

/* "5\r\nhello\r\n", as a whole; the proxy writes no extensions. */
static bool wire_chunk(struct wire *w)
{
	char *line = w->in.nr ? memmem(w->in.at, w->in.nr, "\r\n", 2) : NULL, *end;
	size_t size, length;

	if (!line)
		return false;
	size = strtoull(w->in.at, &end, 16);
	if (end == line && !size)
		return wire_trailers(w, line);
	length = (size_t)(line + 2 - w->in.at) + size + 2;
	if (end != line || w->in.nr < length) {
		w->state = end != line ? WIRE_BAD : w->state;
		return false;
	}
	if (memcmp(w->in.at + length - 2, "\r\n", 2))
		w->state = WIRE_BAD;
	buf_add(&w->data, line + 2, size);
	buf_consume(&w->in, length);
	return true;
}

/* Reads up to the end of a message, or as far as there are bytes. */
static void wire_read(struct wire *w)
{
	bool moved = true;

	while (moved && w->state < WIRE_OVER) {
		if (w->state == WIRE_HEAD)
			moved = wire_head(w);
		else if (w->state == WIRE_CHUNK)
			moved = wire_chunk(w);
		else
			moved = wire_data(w, w->state == WIRE_REST ? UINT64_MAX : w->left);
	}
}

/* Of a head and a body. */
static uint64_t wire_hash(const struct buf *head, const struct buf *data)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < head->nr; i++)
		h = (h ^ (unsigned char)head->at[i]) * 1099511628211u;
	h = (h ^ '\n') * 1099511628211u;
	for (size_t i = 0; i < data->nr; i++)
		h = (h ^ (unsigned char)data->at[i]) * 1099511628211u;
	return h;
}

#endif
