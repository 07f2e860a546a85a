/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A connection that the test server has accepted, from its greeting or first request to its end.
 *
 * One thread owns all connections; only one that waits for calls of its own is lent to a thread,
 * and leaves the epoll set until that is done.
 */
#ifndef TOOLS_CONN_H
#define TOOLS_CONN_H

#include <pthread.h>
#include <sys/epoll.h>

#include "behaviour.h"

#define IN_FLIGHT_MAX (256 * 1024) /* bytes read ahead of what the peer takes */
#define TRICKLE_MS 50		   /* between lines after the peer's FIN, with --half-close */

enum conn_state {
	CONN_READ,  /* between requests, or echoing */
	CONN_HOLD,  /* never answered */
	CONN_DELAY, /* `out` is ready and waits for `due` */
	CONN_LENT,  /* a thread owns it */
};

struct conn {
	int fd;
	bool raw, last, ended; /* raw: no HTTP; last: close after `out`; ended: the peer sent FIN */
	enum conn_state state;
	struct address peer, local;
	struct buf in, out, body;
	size_t skip; /* bytes of a request's body still to come */
	int status;
	struct chain *chain;
	uint64_t due;
	struct conn *next_due;
};

static struct {
	const char *name, *version;
	bool half_close, close_after_greeting;
	struct chain calls; /* made for each plain request */
	int log;	    /* -1: none */
} role = { .name = "server", .version = "", .log = -1 };

static struct stats stats;
static int epoll;
static struct conn *delayed; /* by due time */

static void conn_watch(struct conn *c, int op)
{
	struct epoll_event event = { .data.ptr = c };

	if (c->out.nr && c->state == CONN_READ)
		event.events = EPOLLOUT;
	else if (c->state != CONN_DELAY)
		event.events = EPOLLIN;
	epoll_ctl(epoll, op, c->fd, &event);
}

static void conn_close(struct conn *c)
{
	struct conn **at = &delayed;

	while (*at && *at != c)
		at = &(*at)->next_due;
	if (*at)
		*at = c->next_due;
	stats.open--;
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	buf_free(&c->body);
	free(c);
}

static void conn_delay(struct conn *c, unsigned ms)
{
	struct conn **at = &delayed;

	c->state = CONN_DELAY;
	c->due = now_ns() + ms * 1000000ull;
	while (*at && (*at)->due <= c->due)
		at = &(*at)->next_due;
	c->next_due = *at;
	*at = c;
}

static void answer_start(struct conn *c, const struct http_head *head)
{
	char text[ADDRESS_TEXT];
	struct buf *b = &c->body;

	buf_text(b, "{\"pod\":");
	buf_json(b, role.name);
	buf_text(b, ",\"version\":");
	buf_json(b, role.version);
	buf_printf(b, ",\"peer\":\"%s\"", address_print(&c->peer, text));
	buf_printf(b, ",\"local\":\"%s\",\"method\":", address_print(&c->local, text));
	buf_json(b, head->first[0]);
	buf_text(b, ",\"path\":");
	buf_json(b, head->first[1]);
	buf_text(b, ",\"headers\":{");
	for (size_t i = 0; i < head->nr; i++) {
		buf_text(b, i ? "," : "");
		for (char *p = head->header[i].name; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		buf_json(b, head->header[i].name);
		buf_text(b, ":");
		buf_json(b, head->header[i].value);
	}
	buf_printf(b, "},\"connections\":%lu,\"max_connections\":%lu", stats.open, stats.max_open);
	buf_printf(b, ",\"accepted\":%lu,\"requests\":%lu", stats.accepted, stats.requests);
}

static void answer_end(struct conn *c, bool head_only)
{
	buf_text(&c->body, "}");
	buf_printf(&c->out,
		   "HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n%s\r\n",
		   c->status, c->status < 400 ? "OK" : "Asked For", c->body.nr,
		   c->last ? "connection: close\r\n" : "");
	if (!head_only)
		buf_add(&c->out, c->body.at, c->body.nr);
	buf_free(&c->body);
}

/* Owns the connection until it is back in the epoll set; writable, so that the loop looks at it. */
static void *chain_thread(void *arg)
{
	struct conn *c = arg;

	buf_text(&c->body, ",\"calls\":[");
	chain_run(c->chain, &c->body);
	buf_text(&c->body, "]");
	buf_free(&c->chain->headers);
	free(c->chain);
	answer_end(c, false);
	c->state = CONN_READ;
	conn_watch(c, EPOLL_CTL_ADD);
	return NULL;
}

/* What is to be called; the caller lends the connection when it is done with the request. */
static void chain_prepare(struct conn *c, const struct http_head *head)
{
	c->chain = malloc(sizeof(*c->chain));
	if (!c->chain)
		die(1, "out of memory");
	*c->chain = role.calls;
	behaviour_urls(head->first[1], c->chain);
	chain_take_headers(c->chain, head);
	c->state = CONN_LENT;
}

static void conn_lend(struct conn *c)
{
	pthread_attr_t attr;
	pthread_t thread;

	epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 512 * 1024);
	if (pthread_create(&thread, &attr, chain_thread, c))
		die(1, "no thread for a chained call");
	pthread_attr_destroy(&attr);
}

static void request_log(const struct conn *c, const struct http_head *head)
{
	const char *attempt = http_header(head, "x-envoy-attempt-count");

	if (role.log >= 0)
		dprintf(role.log, "%lu %s %d %s %s\n", (unsigned long)now_ns(), attempt ?: "-",
			c->status, head->first[0], head->first[1]);
}

static void conn_request(struct conn *c, const struct http_head *head)
{
	struct behaviour b = behaviour_of(head->first[1]);
	const char *connection = http_header(head, "connection");
	bool plain;

	stats.requests++;
	c->last = connection && !strcasecmp(connection, "close");
	c->status = b.status;
	request_log(c, head);
	if (b.action == ACTION_HOLD) {
		c->state = CONN_HOLD;
		return;
	}
	answer_start(c, head);
	plain = b.status == 200 && !path_is(head->first[1], "/stats");
	if (b.action == ACTION_CHAIN || (plain && role.calls.nr)) {
		chain_prepare(c, head);
		return;
	}
	answer_end(c, !strcmp(head->first[0], "HEAD"));
	if (b.delay_ms)
		conn_delay(c, b.delay_ms);
}

/* Takes whole requests off `in`, one answer at a time; -EINVAL: not HTTP that we speak. */
static int conn_requests(struct conn *c)
{
	struct http_head head;
	int err = 0;

	while (c->state == CONN_READ && !c->out.nr && c->in.nr) {
		size_t skip = c->skip < c->in.nr ? c->skip : c->in.nr;
		const char *length;

		if (skip) {
			c->skip -= skip;
			buf_consume(&c->in, skip);
			continue;
		}
		err = http_parse(&c->in, &head);
		if (err)
			return err == -EAGAIN ? 0 : err;
		if (!head.first[2] || http_header(&head, "transfer-encoding"))
			return -EINVAL;
		length = http_header(&head, "content-length");
		c->skip = length ? strtoul(length, NULL, 10) : 0;
		skip = head.size;
		conn_request(c, &head);
		buf_consume(&c->in, skip);
	}
	return err;
}

static void conn_greet(struct conn *c)
{
	char text[ADDRESS_TEXT];

	buf_printf(&c->out, "%s %s %s\n", role.name, *role.version ? role.version : "-",
		   address_print(&c->peer, text));
}

/* All that is there to read, up to a bound; -errno ends the connection. */
static int conn_read(struct conn *c)
{
	int err = 0;

	while (!err && c->in.nr < IN_FLIGHT_MAX)
		err = http_receive(c->fd, &c->in);
	if (!c->in.nr)
		buf_free(&c->in);
	c->ended = c->ended || err == 1;
	return err < 0 && err != -EAGAIN ? err : 0;
}

static int conn_write(struct conn *c)
{
	while (c->out.nr) {
		ssize_t n = send(c->fd, c->out.at, c->out.nr, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		buf_consume(&c->out, (size_t)n);
	}
	return 0;
}

static void conn_echo(struct conn *c)
{
	c->out = c->in;
	memset(&c->in, 0, sizeof(c->in));
	if (c->ended && !c->out.nr && role.half_close) {
		buf_printf(&c->out, "%s %s still\n", role.name, role.version);
		conn_delay(c, TRICKLE_MS);
	}
}

/* Reads, acts and writes as far as it goes without waiting. */
static void conn_go(struct conn *c, bool readable)
{
	int err = readable && !c->ended ? conn_read(c) : 0;

	while (!err && c->state == CONN_READ) {
		err = conn_write(c);
		if (err || c->out.nr)
			break;
		if (c->last)
			goto out_close;
		if (c->raw)
			conn_echo(c);
		else
			err = conn_requests(c);
		if (!c->out.nr)
			break;
	}
	if (err)
		goto out_close;
	if (c->state == CONN_LENT) {
		conn_lend(c);
		return;
	}
	if (c->state == CONN_HOLD)
		buf_free(&c->in);
	if (c->ended && !c->out.nr)
		goto out_close;
	conn_watch(c, EPOLL_CTL_MOD);
	return;
out_close:
	conn_close(c);
}

static void delayed_go(void)
{
	while (delayed && delayed->due <= now_ns()) {
		struct conn *c = delayed;

		delayed = c->next_due;
		c->state = CONN_READ;
		conn_watch(c, EPOLL_CTL_MOD);
	}
}

/* Milliseconds until the first delayed connection is due, rounded up; -1: there is none. */
static int delayed_wait(void)
{
	uint64_t now = now_ns();

	if (!delayed)
		return -1;
	return delayed->due <= now ? 0 : (int)((delayed->due - now + 999999) / 1000000);
}

#endif
