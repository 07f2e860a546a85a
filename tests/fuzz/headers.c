// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzes what a route does to a head. Lines of operations come first, up to an empty one, then a
 * request: "s NAME VALUE" set, "a" add, "r NAME" remove, "u URI" rewrite, "x REGEX REPLACEMENT",
 * "h AUTHORITY", "p PREFIX" or "e PATH" the match that held, "U" "P" "H" "S" of a redirect, "q" of
 * a query; \1 and \2 in them are CR and LF. What is written reads as a model of the operations
 * says, byte by byte, or it is refused because a text would have broken its line.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include "config/names.h"
#include "http/query.h"
#include "http/rewrite.h"
#include "proxy/format.h"
#include "proxy/http1_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPERATIONS_MAX 32
#define MODEL_MAX 256

struct operations {
	struct header_value set[OPERATIONS_MAX], add[OPERATIONS_MAX];
	const char *remove[OPERATIONS_MAX];
	struct http_headers headers;
	struct http_rewrite rewrite;
	struct http_redirect redirect;
	struct http_match match;
	const char *query;
};

struct model { /* what should be written */
	struct http_header at[MODEL_MAX];
	size_t nr;
	bool broken; /* a text of it cannot stand in a line */
};

/* ---- operations ---- */

static void value_add(struct header_value *at, size_t *nr, const char *name, const char *value)
{
	bool authority = !strcasecmp(name, "host") || !strcasecmp(name, ":authority");

	/* what a decoder takes */
	if ((!authority && !name_is_header(name)) || *nr == OPERATIONS_MAX)
		return;
	for (const char *c = value; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
			return;
	at[(*nr)++] = (struct header_value){name, value};
}

static void operation_take(struct operations *o, char kind, char *first, const char *second)
{
	struct header_changes *c = &o->headers.request;

	if (kind == 's')
		value_add(o->set, &c->set.nr, first, second);
	else if (kind == 'a')
		value_add(o->add, &c->add.nr, first, second);
	else if (kind == 'r' && name_is_header(first) && c->remove.nr < OPERATIONS_MAX)
		o->remove[c->remove.nr++] = first;
	else if (kind == 'x' && *second && !regex_check(first))
		o->rewrite.regex = first, o->rewrite.replacement = second;
	else if (kind == 'p' || kind == 'e')
		o->match.uri = (struct string_match){
			kind == 'p' ? MATCH_PREFIX : MATCH_EXACT, first};
	else if (kind == 'S')
		o->redirect.scheme = *first == 's' ? "https" : "http";
	else if (kind == 'q')
		o->query = first;
	else if (*first && strchr("uhUPH", kind))
		*(kind == 'u'	? &o->rewrite.uri
		  : kind == 'h' ? &o->rewrite.authority
		  : kind == 'U' ? &o->redirect.uri
		  : kind == 'P' ? &o->redirect.prefix_rewrite
				: &o->redirect.authority) = first;
}

/* Cuts up `text` in place; where the head begins. */
static char *operations_read(struct operations *o, char *text)
{
	char *line;

	o->headers.request.set.at = o->set;
	o->headers.request.add.at = o->add;
	o->headers.request.remove.at = o->remove;
	while (text && (line = strsep(&text, "\n")) && *line) {
		char kind = *line, *first = line + 1 + (line[1] == ' '), *second = first;

		for (char *c = line; *c; c++)
			*c = *c == '\1' ? '\r' : *c == '\2' ? '\n' : *c;
		strsep(&second, " ");
		operation_take(o, kind, first, second ? second : "");
	}
	return text;
}

/* ---- the model ---- */

static bool same(struct http_text a, struct http_text b)
{
	return a.length == b.length && !memcmp(a.at, b.at, a.length);
}

static bool is_listed(const struct http_request *r, struct http_text name)
{
	for (size_t i = 0; i < r->nr_headers; i++) {
		struct http_text v = r->headers[i].value;
		size_t begin = 0;

		if (!http_text_is(r->headers[i].name, "connection"))
			continue;
		for (size_t j = 0; j <= v.length; j++) {
			size_t from = begin, to = j;

			if (j < v.length && v.at[j] != ',')
				continue;
			begin = j + 1;
			while (from < to && (v.at[from] == ' ' || v.at[from] == '\t'))
				from++;
			while (from < to && (v.at[to - 1] == ' ' || v.at[to - 1] == '\t'))
				to--;
			if (to - from == name.length &&
			    !strncasecmp(v.at + from, name.at, name.length))
				return true;
		}
	}
	return false;
}

static bool is_any(struct http_text name, const char *const *of)
{
	while (*of && !http_text_is(name, *of))
		of++;
	return *of;
}

static void model_begin(struct model *m, const struct http1_head *head)
{
	static const char *const hops[] = {"connection", "keep-alive", "te", "proxy-connection",
					   "proxy-authenticate", "proxy-authorization", NULL};
	static const char *const kept[] = {"close", NULL};

	for (size_t i = 0; i < head->request.nr_headers; i++) {
		struct http_header h = head->request.headers[i];
		bool upgrade = http_text_is(h.name, "upgrade");

		if (is_any(h.name, hops) || (upgrade && !head->upgrade) ||
		    (!upgrade && !is_any(h.name, kept) && is_listed(&head->request, h.name)))
			continue;
		m->at[m->nr++] = h;
	}
}

static void model_remove(struct model *m, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->nr; i++)
		if (!http_text_is(m->at[i].name, name))
			m->at[kept++] = m->at[i];
	m->nr = kept;
}

static void model_add(struct model *m, const struct header_value *v)
{
	if (strcasecmp(v->name, "host") && strcasecmp(v->name, ":authority"))
		m->at[m->nr++] = (struct http_header){http_text(v->name), http_text(v->value)};
}

static void model_change(struct model *m, const struct header_changes *c)
{
	for (size_t i = 0; i < c->remove.nr; i++)
		model_remove(m, c->remove.at[i]);
	for (size_t i = 0; i < c->set.nr; i++) {
		if (strcasecmp(c->set.at[i].name, "host"))
			model_remove(m, c->set.at[i].name);
		model_add(m, &c->set.at[i]);
	}
	for (size_t i = 0; i < c->add.nr; i++)
		model_add(m, &c->add.at[i]);
}

/* ---- what was written ---- */

static size_t count(struct http_text t, const char *bytes)
{
	size_t nr = 0;

	for (size_t i = 0; i < t.length; i++)
		nr += memchr(bytes, t.at[i], strlen(bytes) + 1) != NULL;
	return nr;
}

static bool has_control(struct http_text t)
{
	for (size_t i = 0; i < t.length; i++)
		if (((unsigned char)t.at[i] < ' ' && t.at[i] != '\t') || t.at[i] == 0x7f)
			return true;
	return false;
}

static bool is_word(struct http_text t)
{
	return t.length && !has_control(t) && !count(t, " \t");
}

static struct http_text trimmed(struct http_text t)
{
	while (t.length && (*t.at == ' ' || *t.at == '\t'))
		t.at++, t.length--;
	while (t.length && (t.at[t.length - 1] == ' ' || t.at[t.length - 1] == '\t'))
		t.length--;
	return t;
}

static void lines_check(struct http_text written, size_t lines)
{
	size_t ends = 0;

	for (size_t i = 0; i + 1 < written.length; i++)
		ends += !memcmp(written.at + i, "\r\n", 2);
	if (ends != lines || count(written, "\r\n") != 2 * lines)
		abort();
}

static bool is_framing(struct http_text name)
{
	static const char *const names[] = {"host", "content-length", "transfer-encoding",
					    "connection", NULL};

	return is_any(name, names);
}

/* The headers of `is`, the framing's aside, are the model's. */
static void headers_check(const struct model *m, const struct http_request *is)
{
	size_t at = 0;

	for (size_t i = 0; i < m->nr; i++) {
		if (is_framing(m->at[i].name))
			continue;
		while (at < is->nr_headers && is_framing(is->headers[at].name))
			at++;
		if (at == is->nr_headers || !same(m->at[i].name, is->headers[at].name) ||
		    !same(trimmed(m->at[i].value), is->headers[at].value))
			abort();
		at++;
	}
	while (at < is->nr_headers && is_framing(is->headers[at].name))
		at++;
	if (at != is->nr_headers)
		abort();
}

static size_t lines_of(const struct model *m, const struct http1_framing *f)
{
	size_t nr = f->how == HTTP1_CHUNKED || f->has_length;

	for (size_t i = 0; i < m->nr; i++)
		nr += !is_framing(m->at[i].name);
	return nr;
}

static void written_check(const struct model *m, const struct http_request *asked,
			  const struct http1_framing *framing, const struct http1_out *out)
{
	struct http_text written = {out->at, out->nr};
	struct http1 again;
	size_t read;

	lines_check(written, lines_of(m, framing) + 3); /* the first, host and the empty one */
	http1_init(&again, false, &http1_limits);
	if (http1_feed(&again, out->at, out->nr, &read) == HTTP1_HEAD) {
		const struct http_request *is = &again.head.request;

		if (read != out->nr || !same(is->method, asked->method) ||
		    again.head.framing.how != framing->how ||
		    again.head.framing.length != framing->length)
			abort();
		if (*asked->path.at == '/' &&
		    (!same(is->path, asked->path) ||
		     !same(is->authority, trimmed(asked->authority))))
			abort();
		headers_check(m, is);
	}
	http1_free(&again);
}

/* ---- */

/* The match, if it holds. */
static const struct http_match *taken(const struct operations *o, const struct http_request *r)
{
	return o->match.uri.text && http_match_holds(&o->match, r, NULL, NULL) ? &o->match : NULL;
}

static void request_write(const struct operations *o, struct http1 *p, struct model *m)
{
	static char bytes[1 << 18];
	struct http1_out out = {.at = bytes, .cap = sizeof(bytes)};
	struct http_request asked = p->head.request;
	struct regexes regexes = {0};
	const char *host = http_authority(&o->rewrite, &o->headers, NULL);
	char *path = NULL;
	int err;

	if (o->rewrite.uri || o->rewrite.regex)
		path = http_rewrite_path(&o->rewrite, taken(o, &asked), &asked, &regexes);
	if (path && *path != '/' && *asked.path.at == '/')
		abort();
	http1_hops_remove(&p->headers, p->head.upgrade);
	http_headers_change((struct http_header_list *)&p->headers, &o->headers.request);
	asked.headers = p->headers.list.at;
	asked.nr_headers = p->headers.list.nr;
	asked.path = path ? http_text(path) : asked.path;
	asked.authority = host ? http_text(host) : asked.authority;
	err = http1_write_request(&out, &asked, &p->head.framing, HTTP1_SAY_NOTHING);
	if (err != (is_word(asked.path) && !has_control(asked.authority) ? 0 : -EINVAL))
		abort();
	if (!err)
		written_check(m, &asked, &p->head.framing, &out);
	free(path);
	regexes_free(&regexes);
}

/* Where a redirect leads stands in one line of its answer, or nowhere. */
static void redirect_write(const struct operations *o, const struct http_request *r)
{
	static char bytes[1 << 18];
	struct http1_out out = {.at = bytes, .cap = sizeof(bytes)};
	static const struct http1_framing none = {HTTP1_NONE, true, 0};
	struct http_listener listener = {80, false};
	char *location = http_redirect_location(&o->redirect, taken(o, r), r, &listener);
	struct http_header h = {http_text("location"), http_text(location)};
	struct http_request headers = {.headers = &h, .nr_headers = 1};
	int err = http1_write_response(&out, 301, http_text("Moved"), &headers, &none,
				       HTTP1_SAY_NOTHING);

	if (err != (has_control(h.value) ? -EINVAL : 0))
		abort();
	if (!err)
		lines_check((struct http_text){out.at, out.nr}, 4);
	free(location);
}

/* A variable brings no byte that the request did not have. */
static void values_expand(const struct operations *o, const struct http1 *p)
{
	static struct client c;

	c.request.asked = p->head.request;
	c.parser.head.minor = p->head.minor;
	for (size_t i = 0; i < o->headers.request.set.nr; i++) {
		char *text = format_expand(&c, o->set[i].value);

		if (text && has_control(http_text(text)))
			abort();
		free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct operations o = {0};
	struct model m = {0};
	struct http1 p;
	size_t read, length;
	char *text, *head;

	if (size > 1 << 14)
		return -1;
	text = memcpy(calloc(size + 1, 1), data, size);
	head = operations_read(&o, text);
	length = head ? size - (size_t)(head - text) : 0;
	http1_init(&p, false, &http1_limits);
	if (head && http1_feed(&p, head, length, &read) == HTTP1_HEAD) {
		model_begin(&m, &p.head);
		model_change(&m, &o.headers.request);
		if (o.query)
			free(query_value(http_query(&p.head.request), o.query));
		values_expand(&o, &p);
		redirect_write(&o, &p.head.request);
		request_write(&o, &p, &m);
	}
	http1_free(&p);
	free(text);
	return 0;
}
