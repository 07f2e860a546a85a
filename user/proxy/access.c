// SPDX-License-Identifier: GPL-2.0
/* Lines of the access log: collected in a round, written after it. */
#include "proxy/access.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "proxy/head.h"
#include "proxy/proxy.h"

#define LINE_MAX_BYTES (8u << 10)

static void put(struct worker *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct worker *w, const char *format, ...)
{
	size_t space = LOG_SIZE - w->log_length;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(w->log + w->log_length, space, format, args);
	va_end(args);
	w->log_length += n < 0 ? 0 : (size_t)n < space ? (size_t)n : space - 1;
}

/* In quotes, so that what a client sends cannot end the field or the line. */
static void put_quoted(struct worker *w, struct http_text t)
{
	char text[1024];
	size_t n = 0;

	for (size_t i = 0; i < t.length && n + 2 < sizeof(text); i++) {
		unsigned char b = (unsigned char)t.at[i];

		if (b == '"' || b == '\\')
			text[n++] = '\\';
		text[n++] = b < ' ' || b == 0x7f ? '?' : (char)b;
	}
	put(w, " \"%.*s\"", t.length ? (int)n : 1, t.length ? text : "-");
}

static void put_time(struct worker *w, const struct timespec *t)
{
	char text[32];
	struct tm tm;

	gmtime_r(&t->tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	put(w, "[%s.%03ldZ]", text, t->tv_nsec / 1000000);
}

static void put_request(struct client *c)
{
	struct worker *w = c->worker;
	const struct http_request *q = &c->request.asked;

	if (!q->method.length) {
		put(w, " \"- - -\"");
		return;
	}
	put(w, " \"%.*s ", (int)q->method.length, q->method.at);
	put(w, "%.*s HTTP/1.%u\"", (int)(q->path.length < 2048 ? q->path.length : 2048), q->path.at,
	    c->parser.head.minor);
}

static void put_address(struct worker *w, const struct inet *a, unsigned port, bool quoted)
{
	char text[INET_TEXT + 8];

	put(w, quoted ? " \"%s\"" : " %s", inet_print_port(a, port, text));
}

static void put_ends(struct client *c)
{
	struct worker *w = c->worker;
	const struct request *r = &c->request;
	const char *route = r->route				      ? r->route->rule->name
			    : r->split || r->bytes || !r->destination ? "-"
								      : "allow_any";

	if (r->endpoint)
		put_address(w, &r->endpoint->address, r->endpoint->port, true);
	else
		put(w, " \"-\"");
	put(w, " %s -", r->destination ? r->destination->table->name : "-");
	put_address(w, &c->dialled, c->port, false);
	put_address(w, &c->peer, c->peer_port, false);
	put(w, " - %s\n", *route ? route : "-");
}

void access_log(struct client *c)
{
	struct worker *w = c->worker;
	const struct request *r = &c->request;
	char flags[FLAGS_TEXT];

	if (!w->log)
		return;
	if (LOG_SIZE - w->log_length < LINE_MAX_BYTES)
		access_flush(w);
	put_time(w, &r->began_at);
	put_request(c);
	put(w, " %u %s %s - \"-\" %llu %llu %lld ", r->status, flags_print(r->flags, flags),
	    r->details, (unsigned long long)r->received, (unsigned long long)r->sent_bytes,
	    (long long)(monotonic_now() - r->began) / 1000000);
	if (r->upstream_took)
		put(w, "%lld", (long long)r->upstream_took / 1000000);
	else
		put(w, "-");
	put_quoted(w, head_header(c, "x-forwarded-for"));
	put_quoted(w, head_header(c, "user-agent"));
	put_quoted(w, *r->id ? http_text(r->id) : head_header(c, "x-request-id"));
	put_quoted(w, r->asked.authority);
	put_ends(c);
}

void access_flush(struct worker *w)
{
	size_t done = 0;

	while (done < w->log_length) {
		ssize_t n = write(w->proxy->access_log, w->log + done, w->log_length - done);

		if (n <= 0)
			break; /* a full disk must not stop requests */
		done += (size_t)n;
	}
	w->log_length = 0;
}
