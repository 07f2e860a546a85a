/* SPDX-License-Identifier: GPL-2.0 */
/* What reading some bytes comes to, as text: the same however the bytes are cut. */
#ifndef HTTP1_OUTCOME_H
#define HTTP1_OUTCOME_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proxy/http1.h"

struct outcome {
	struct http1 parser;
	bool head, upgrade; /* asked of a response */
	bool in_body, stopped;
	FILE *out;
	char *text;
	size_t length;
};

static void outcome_text(FILE *out, struct http_text t)
{
	for (size_t i = 0; i < t.length; i++) {
		unsigned char c = t.at[i];

		if (c == '\r' || c == '\n' || c == '\t')
			fprintf(out, "\\%c", c == '\r' ? 'r' : c == '\n' ? 'n' : 't');
		else if (c < ' ' || c > '~' || c == '\\')
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
}

static void outcome_headers(FILE *out, const char *word, const struct http_header *at, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		fprintf(out, "%s ", word);
		outcome_text(out, at[i].name);
		fputs(at[i].value.length ? ": " : ":", out);
		outcome_text(out, at[i].value);
		fputc('\n', out);
	}
}

static void outcome_head(FILE *out, const struct http1 *p)
{
	static const char *const how[] = {"none", "length", "chunked", "until close", "tunnel"};
	const struct http1_head *h = &p->head;

	if (p->response) {
		fprintf(out, "response %u%s", h->status, h->reason.length ? " " : "");
		outcome_text(out, h->reason);
	} else {
		const struct http_text words[] = {h->request.method, h->request.scheme,
						  h->request.authority, h->request.path};

		fputs("request", out);
		for (size_t i = 0; i < 4; i++) {
			fputc(' ', out);
			words[i].length ? outcome_text(out, words[i]) : (void)fputc('-', out);
		}
	}
	fprintf(out, "\nversion 1.%u, %s%s\nbody %s", h->minor, h->keep_alive ? "keep" : "close",
		h->upgrade ? ", upgrade" : "", how[h->framing.how]);
	if (h->framing.has_length)
		fprintf(out, " %llu", (unsigned long long)h->framing.length);
	fputc('\n', out);
	outcome_headers(out, "header", h->request.headers, h->request.nr_headers);
}

static void outcome_event(struct outcome *o, enum http1_event event)
{
	struct http1 *p = &o->parser;

	if (event == HTTP1_BODY) {
		fputs(o->in_body ? "" : "data ", o->out);
		outcome_text(o->out, p->body);
		o->in_body = true;
		return;
	}
	if (event == HTTP1_MORE)
		return;
	fputs(o->in_body ? "\n" : "", o->out);
	o->in_body = false;
	if (event == HTTP1_HEAD) {
		outcome_head(o->out, p);
	} else if (event == HTTP1_WRONG) {
		fprintf(o->out, "wrong %u %s\n", p->wrong.status, p->wrong.reason);
		o->stopped = true;
	} else {
		outcome_headers(o->out, "trailer", p->trailers.list.at, p->trailers.list.nr);
		fputs("end\n", o->out);
	}
}

static void outcome_next(struct outcome *o)
{
	http1_next(&o->parser);
	o->parser.answers_head = o->head;
	o->parser.answers_upgrade = o->upgrade;
}

static void outcome_begin(struct outcome *o, bool response, const struct http1_limits *limits)
{
	http1_init(&o->parser, response, limits);
	o->out = open_memstream(&o->text, &o->length);
	outcome_next(o);
}

/* Each piece is copied, so that one that is read past its end, or later, is found. */
static void outcome_feed(struct outcome *o, const char *bytes, size_t length)
{
	char *copy = malloc(length ? length : 1);
	size_t done = 0, taken;
	enum http1_event event;

	memcpy(copy, bytes, length);
	while (!o->stopped) {
		event = http1_feed(&o->parser, copy + done, length - done, &taken);
		done += taken;
		outcome_event(o, event);
		if (event == HTTP1_END)
			outcome_next(o);
		else if (event == HTTP1_MORE)
			break;
	}
	if (!o->stopped && done != length)
		abort();
	free(copy);
}

/* The caller frees. */
static char *outcome_end(struct outcome *o)
{
	if (!o->stopped)
		outcome_event(o, http1_eof(&o->parser));
	fclose(o->out);
	http1_free(&o->parser);
	return o->text;
}

#endif
