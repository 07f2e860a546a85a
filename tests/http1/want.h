/* SPDX-License-Identifier: GPL-2.0 */
/* What a case says of its messages, and how a proxy would have to pass each on. */
#ifndef HTTP1_WANT_H
#define HTTP1_WANT_H

#include <strings.h>
#include "cases.h"

#define WANT_MESSAGES 16

struct want_header {
	struct buf name, value;
};

struct want { /* one message */
	bool head, whole; /* its head is read; all of it */
	unsigned wrong;	  /* status; 0: nothing is */
	bool early;	  /* what is wrong is that it ends */
	struct buf words[4]; /* of its first line: method, scheme, authority, path */
	unsigned status;     /* of a response, with words[0] as the reason */
	unsigned minor;
	bool keep, upgrade;
	char how[16]; /* "none", "length", "chunked", "until" (close), "tunnel" */
	bool has_length;
	unsigned long long length;
	struct want_header *headers;
	size_t nr_headers;
	struct buf data; /* trailers stand behind it, a line each */
};

struct wants {
	struct want at[WANT_MESSAGES];
	size_t nr;
};

/* ---- reading ---- */

static void want_first(struct want *w, const char *line)
{
	char words[4][64] = {"", "", "", ""};
	int skip = 0;

	w->head = true;
	if (sscanf(line, "response %u%n", &w->status, &skip) == 1) {
		text_unescape(&w->words[0], line + skip + (line[skip] == ' '));
		return;
	}
	if (sscanf(line, "request %63s %63s %63s %n", words[0], words[1], words[2], &skip) != 3)
		die(1, "a case wants: %s", line);
	for (size_t i = 0; i < 3; i++)
		text_unescape(&w->words[i], strcmp(words[i], "-") ? words[i] : "");
	text_unescape(&w->words[3], line + skip);
}

static void want_header(struct want *w, const char *line)
{
	size_t name = strcspn(line, ":");
	struct want_header *h;

	w->headers = realloc(w->headers, (w->nr_headers + 1) * sizeof(*h));
	if (!w->headers)
		die(1, "out of memory");
	h = &w->headers[w->nr_headers++];
	*h = (struct want_header){0};
	buf_add(&h->name, line, name);
	text_unescape(&h->value, line + name + 1 + (line[name + 1] == ' '));
	buf_text(&h->value, "");
}

static void want_line(struct want *w, const char *line)
{
	if (!strncmp(line, "version ", 8)) {
		w->minor = line[10] == '1';
		w->keep = strstr(line, ", keep") != NULL;
		w->upgrade = strstr(line, ", upgrade") != NULL;
	} else if (!strncmp(line, "body ", 5)) {
		sscanf(line, "body %15s", w->how);
		w->has_length = sscanf(line, "body %*s %llu", &w->length) == 1;
	} else if (!strncmp(line, "header ", 7)) {
		want_header(w, line + 7);
	} else if (!strncmp(line, "data ", 5)) {
		text_unescape(&w->data, line + 5);
	} else if (!strncmp(line, "trailer ", 8)) {
		text_unescape(&w->data, line + 8);
		buf_text(&w->data, "\n");
	} else if (!strncmp(line, "wrong ", 6)) {
		w->wrong = (unsigned)atoi(line + 6);
		w->early = strstr(line, "the message ends early") != NULL;
	} else if (!strncmp(line, "end", 3)) {
		w->whole = true;
	}
}

static void wants_read(struct wants *out, const char *text)
{
	struct buf copy = {0};
	char *at, *line;

	buf_text(&copy, text);
	at = copy.at;
	while ((line = strsep(&at, "\n")) && *line) {
		struct want *last = out->nr ? &out->at[out->nr - 1] : NULL;
		bool first = !strncmp(line, "request ", 8) || !strncmp(line, "response ", 9);

		if (first || !last || (last->whole && !strncmp(line, "wrong ", 6))) {
			if (out->nr == WANT_MESSAGES)
				die(1, "a case has too many messages");
			last = &out->at[out->nr++];
		}
		if (first)
			want_first(last, line);
		else
			want_line(last, line);
	}
	buf_free(&copy);
}

static void wants_free(struct wants *w)
{
	for (size_t i = 0; i < w->nr; i++) {
		struct want *m = &w->at[i];

		for (size_t j = 0; j < 4; j++)
			buf_free(&m->words[j]);
		for (size_t j = 0; j < m->nr_headers; j++) {
			buf_free(&m->headers[j].name);
			buf_free(&m->headers[j].value);
		}
		free(m->headers);
		buf_free(&m->data);
	}
}

/* ---- passed on ---- */

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (!strcasecmp(name, *list))
			return true;
	return false;
}

/* Whether a header Connection lists this one. */
static bool is_listed(const struct want *w, const char *name)
{
	for (size_t i = 0; i < w->nr_headers; i++) {
		const char *at = w->headers[i].value.at;

		if (strcasecmp(w->headers[i].name.at, "connection"))
			continue;
		for (size_t n; *at; at += n + (at[n] == ',')) {
			at += strspn(at, " \t");
			n = strcspn(at, " \t,");
			if (n && n == strlen(name) && !strncasecmp(at, name, n))
				return true;
			n = strcspn(at, ",");
		}
	}
	return false;
}

static bool is_passed_on(const struct want *w, const char *name)
{
	static const char *const never[] = {
		"connection", "keep-alive", "te", "proxy-connection", "proxy-authenticate",
		"proxy-authorization", "content-length", "transfer-encoding", "server", NULL};
	static const char *const listed_in_vain[] = {"close", "keep-alive", "connection", NULL};

	if (!strcasecmp(name, "upgrade"))
		return w->upgrade;
	return !is_one_of(name, never) &&
	       (is_one_of(name, listed_in_vain) || !is_listed(w, name));
}

/* The lines of its head when it is passed on, in the proxy's words; "\n" ends each. */
static void want_head(const struct want *w, struct buf *out)
{
	if (w->status)
		buf_printf(out, "HTTP/1.1 %03u %s\n", w->status, w->words[0].at ?: "");
	else
		buf_printf(out, "%s %s HTTP/1.1\nhost: %s\n", w->words[0].at, w->words[3].at,
			   w->words[2].at ?: "");
	for (size_t i = 0; i < w->nr_headers; i++)
		if (is_passed_on(w, w->headers[i].name.at))
			buf_printf(out, "%s: %s\n", w->headers[i].name.at, w->headers[i].value.at);
	if (!strcmp(w->how, "chunked") || !strcmp(w->how, "until"))
		buf_text(out, "transfer-encoding: chunked\n");
	else if (w->has_length)
		buf_printf(out, "content-length: %llu\n", w->length);
	if (w->upgrade)
		buf_text(out, "connection: upgrade\n");
}

#endif
