// SPDX-License-Identifier: GPL-2.0
/* Reads what a client sends first: whether it is http, and the heads of its requests. */
#include "proxy/reading.h"
#include <string.h>
#include "proxy/proxy.h"
#include "proxy/reply.h"

#define SECOND 1000000000ll
#define SILENCE (SECOND / 10) /* after which it is the server that speaks first */

static void head_wrong(struct client *c)
{
	request_begin_wrong(c);
	c->request.flags |= FLAG_DPE;
	c->request.details = "http1.codec_error";
	reply_text(c, c->parser.wrong.status, "");
}

static bool head_read(struct client *c)
{
	size_t taken, length = buffer_length(&c->in);
	enum http1_event event = http1_feed(&c->parser, c->in.at + c->in.begin, length, &taken);

	c->in.begin += (uint32_t)taken;
	if (event == HTTP1_MORE) {
		if (taken && !c->in_head)
			client_timer(c, c->worker->proxy->head_timeout);
		c->in_head = taken || c->in_head;
		return false;
	}
	c->in_head = false;
	timer_stop(&c->timer);
	if (event == HTTP1_HEAD)
		request_begin(c);
	else
		head_wrong(c);
	return true;
}

/* The parser keeps what heads are made of, so the next one, of any client, has a warm buffer. */
static void in_rest(struct client *c)
{
	if (!buffer_length(&c->in))
		buffer_give(&c->worker->buffers, &c->in);
}

bool reading_go(struct client *c)
{
	size_t got;

	if (!c->stream.readable && !c->stream.ended && !buffer_length(&c->in))
		return false;
	if (!buffer_take(&c->worker->buffers, &c->in)) {
		client_close(c);
		return false;
	}
	got = stream_receive(&c->stream, &c->in);
	if (buffer_length(&c->in) && head_read(c)) {
		in_rest(c);
		return true;
	}
	if (c->stream.ended) {
		client_close(c);
		return false;
	}
	in_rest(c);
	return got;
}

/* 1: the first bytes are a request's, 0: they are not, -1: they may become one. */
static int looks_like_http(const char *at, size_t length)
{
	size_t i = 0;

	while (i < length && i < 32 && ((at[i] >= 'A' && at[i] <= 'Z') || at[i] == '-'))
		i++;
	if (i == length)
		return i < 32 ? -1 : 0;
	if (!i || at[i] != ' ')
		return 0;
	if (i + 1 == length)
		return -1;
	/* a method of another protocol goes on otherwise */
	return at[i + 1] == '/' || at[i + 1] == '*' ||
	       !strncmp(at + i + 1, "http", length - i - 1 < 4 ? length - i - 1 : 4);
}

bool reading_sniff(struct client *c)
{
	int http;

	if (!buffer_take(&c->worker->buffers, &c->in)) {
		client_close(c);
		return false;
	}
	stream_receive(&c->stream, &c->in);
	http = buffer_length(&c->in)
		       ? looks_like_http(c->in.at + c->in.begin, buffer_length(&c->in))
	       : c->stream.ended ? 0
				 : -1;
	if (http == -1)
		return false;
	timer_stop(&c->timer);
	if (http)
		client_set_state(c, CLIENT_READING);
	else
		request_begin_bytes(c);
	return true;
}

/* What the dialled port speaks decides; where nothing is known of it, the first bytes do. */
void reading_begin(struct client *c)
{
	const struct port *p = lookup_entry(c->worker->view->snapshot->lookup, &c->dialled,
					    c->port, c->listener->scope);

	if (p && p->table->protocol == TABLE_TCP) {
		client_set_state(c, CLIENT_READING);
		request_begin_bytes(c);
	} else if (p && p->table->protocol == TABLE_HTTP) {
		client_set_state(c, CLIENT_READING);
		client_timer(c, c->worker->proxy->idle_timeout);
	} else {
		client_timer(c, SILENCE);
	}
	client_go(c);
}
