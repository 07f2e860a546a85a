// SPDX-License-Identifier: GPL-2.0
/* The states of one direction of an HTTP/1.1 connection. */
#include "proxy/http1.h"
#include <errno.h>
#include <string.h>
#include "proxy/buffer.h"
#include "proxy/http1_head.h"

#define LINES_FIRST 1024
#define LINES_KEPT 8192 /* without rooms: a larger head gives its memory back */

const struct http1_limits http1_limits = {
	.target = 32 << 10, .headers = 60 << 10, .nr_headers = 100};

void http1_init(struct http1 *p, bool response, const struct http1_limits *limits)
{
	*p = (struct http1){.response = response, .limits = *limits};
}

/* Where there are rooms what is longer than the first lines counts as memory that is used. */
static bool lines_grow(struct http1 *p, struct http1_lines *l, size_t cap)
{
	size_t counted = l->cap > LINES_FIRST ? l->cap : 0;

	if (p->rooms && cap > LINES_FIRST && !memory_take(p->rooms->memory, cap - counted))
		return false;
	l->at = xrealloc(l->at, cap, 1);
	l->cap = cap;
	return true;
}

static void lines_free(struct http1 *p, struct http1_lines *l)
{
	if (p->rooms && l->cap > LINES_FIRST)
		memory_give(p->rooms->memory, l->cap);
	free(l->at);
	*l = (struct http1_lines){0};
}

static void room_take(struct http1 *p)
{
	struct http1_rooms *rooms = p->rooms;

	if (p->lines.at || !rooms || !rooms->nr_free)
		return;
	rooms->nr_free--;
	p->lines = rooms->free[rooms->nr_free].lines;
	p->headers = rooms->free[rooms->nr_free].headers;
}

static void room_give(struct http1 *p)
{
	struct http1_rooms *rooms = p->rooms;

	p->lines.nr = p->lines.line = 0;
	p->headers.list.nr = 0;
	if (p->lines.cap > (rooms ? LINES_FIRST : LINES_KEPT) ||
	    (rooms && rooms->nr_free == HTTP1_ROOMS_FREE)) {
		lines_free(p, &p->lines);
		vec_free(&p->headers.list);
	} else if (rooms && p->lines.at) {
		rooms->free[rooms->nr_free++] = (struct http1_room){p->lines, p->headers};
		p->lines = (struct http1_lines){0};
		p->headers = (struct http_header_list){0};
	}
}

void http1_free(struct http1 *p)
{
	room_give(p);
	lines_free(p, &p->lines);
	lines_free(p, &p->tail);
	vec_free(&p->headers.list);
	vec_free(&p->trailers.list);
}

void http1_next(struct http1 *p)
{
	room_give(p);
	lines_free(p, &p->tail);
	vec_free(&p->trailers.list);
	p->head = (struct http1_head){0};
	p->answers_head = p->answers_upgrade = p->last_chunk = false;
	p->skipped = p->overhead = 0;
	p->state = HTTP1_IN_START;
}

void http1_tunnel(struct http1 *p)
{
	p->head.framing.how = HTTP1_TUNNEL;
	p->head.keep_alive = false;
	p->state = HTTP1_IN_REST;
}

int http1_refuse(struct http1 *p, uint16_t status, const char *reason)
{
	if (!p->wrong.status)
		p->wrong = (struct http1_wrong){p->response ? 502 : status, reason};
	p->state = HTTP1_FAILED;
	return -EINVAL;
}

static int lines_add(struct http1 *p, struct http1_lines *l, const char *bytes, size_t n)
{
	size_t cap = l->cap ? l->cap : LINES_FIRST;

	while (cap - l->nr < n)
		cap *= 2;
	if (cap != l->cap && !lines_grow(p, l, cap))
		return http1_refuse(p, 503, "there is no memory for the head");
	memcpy(l->at + l->nr, bytes, n);
	l->nr += n;
	return 0;
}

/*
 * A line, or what has come of one, was added. 0: all lines are there, -EAGAIN: others are wanted.
 * Only what stands before a byte decides on it, so pieces come to the same as the whole.
 */
static int line_added(struct http1 *p, struct http1_lines *l, bool whole, bool fits)
{
	bool start = p->state == HTTP1_IN_START;
	size_t length = l->nr - l->line;

	if (start && http1_start_check(p, false))
		return -EINVAL;
	if (!fits)
		return http1_refuse(p, 431, "the headers are too long");
	if (!whole)
		return -EAGAIN;
	if (length < 2 || l->at[l->nr - 2] != '\r')
		return http1_refuse(p, 400, "a line ends without CR");
	if (!start && (l->at[l->line] == ' ' || l->at[l->line] == '\t'))
		return http1_refuse(p, 400, "a header line is folded");
	if (start && http1_start_check(p, true))
		return -EINVAL;
	if (start)
		p->state = HTTP1_IN_FIELDS;
	l->line = l->nr;
	return length == 2 && !start ? 0 : -EAGAIN;
}

/* Takes lines up to the empty one, as line_added(). */
static int lines_feed(struct http1 *p, struct http1_lines *l, const char *bytes, size_t length,
		      size_t *taken)
{
	int err = -EAGAIN;

	while (err == -EAGAIN && *taken < length) {
		const char *at = bytes + *taken, *lf = memchr(at, '\n', length - *taken);
		size_t n = lf ? (size_t)(lf + 1 - at) : length - *taken;
		size_t room = p->limits.headers - l->nr;

		err = lines_add(p, l, at, n < room ? n : room);
		*taken += n;
		if (!err)
			err = line_added(p, l, lf, n <= room);
	}
	return err;
}

/* One empty line may stand before a request: some clients send it after a body. */
static void empty_line_skip(struct http1 *p, const char *bytes, size_t length, size_t *taken)
{
	while (!p->response && *taken < length && p->skipped < 2 &&
	       bytes[*taken] == "\r\n"[p->skipped]) {
		p->skipped++;
		++*taken;
	}
}

static enum http1_state state_of(enum http1_how how)
{
	switch (how) {
	case HTTP1_NONE:
		return HTTP1_OVER;
	case HTTP1_LENGTH:
		return HTTP1_IN_LENGTH;
	case HTTP1_CHUNKED:
		return HTTP1_IN_CHUNKS;
	case HTTP1_UNTIL_CLOSE:
	case HTTP1_TUNNEL:
		break;
	}
	return HTTP1_IN_REST;
}

static enum http1_event head_feed(struct http1 *p, const char *bytes, size_t length, size_t *taken)
{
	int err;

	if (!p->lines.nr) {
		room_take(p);
		empty_line_skip(p, bytes, length, taken);
	}
	if (!p->lines.nr && p->skipped == 1 && *taken < length)
		err = http1_refuse(p, 400, "a CR without LF before the request");
	else
		err = lines_feed(p, &p->lines, bytes, length, taken);
	if (err == -EAGAIN)
		return HTTP1_MORE;
	if (err || http1_head_read(p))
		return HTTP1_WRONG;
	p->left = p->head.framing.length;
	p->state = state_of(p->head.framing.how);
	return HTTP1_HEAD;
}

static enum http1_event trailers_feed(struct http1 *p, const char *bytes, size_t length,
				      size_t *taken)
{
	int err = lines_feed(p, &p->tail, bytes, length, taken);

	if (err == -EAGAIN)
		return HTTP1_MORE;
	if (err || http1_trailers_read(p))
		return HTTP1_WRONG;
	p->state = HTTP1_OVER;
	return HTTP1_END;
}

static enum http1_event rest_feed(struct http1 *p, const char *bytes, size_t length, size_t *taken)
{
	if (p->state == HTTP1_IN_LENGTH) {
		length = length < p->left ? length : p->left;
		p->left -= length;
		if (!p->left)
			p->state = HTTP1_OVER;
	}
	if (!length)
		return HTTP1_MORE;
	p->body = (struct http_text){bytes, length};
	*taken = length;
	return HTTP1_BODY;
}

enum http1_event http1_feed(struct http1 *p, const char *bytes, size_t length, size_t *taken)
{
	enum http1_event event = HTTP1_MORE;

	*taken = 0;
	switch (p->state) {
	case HTTP1_IN_START:
	case HTTP1_IN_FIELDS:
		return head_feed(p, bytes, length, taken);
	case HTTP1_IN_CHUNKS:
		event = http1_chunks_feed(p, bytes, length, taken);
		if (p->state != HTTP1_IN_TRAILERS)
			return event;
		/* fall through */
	case HTTP1_IN_TRAILERS:
		return trailers_feed(p, bytes, length, taken);
	case HTTP1_IN_LENGTH:
	case HTTP1_IN_REST:
		return rest_feed(p, bytes, length, taken);
	case HTTP1_OVER:
		return HTTP1_END;
	case HTTP1_FAILED:
		break;
	}
	return HTTP1_WRONG;
}

uint64_t http1_plain(const struct http1 *p)
{
	return p->state == HTTP1_IN_LENGTH ? p->left : p->state == HTTP1_IN_REST ? UINT64_MAX : 0;
}

enum http1_event http1_eof(struct http1 *p)
{
	if (p->state == HTTP1_IN_REST)
		p->state = HTTP1_OVER;
	if (p->state == HTTP1_OVER)
		return HTTP1_END;
	if (p->state == HTTP1_IN_START && !p->lines.nr && p->skipped != 1)
		return HTTP1_MORE;
	http1_refuse(p, 400, "the message ends early");
	return HTTP1_WRONG;
}
