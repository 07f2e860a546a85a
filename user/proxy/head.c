// SPDX-License-Identifier: GPL-2.0
/* Writes the heads of requests to upstreams and of their answers to clients. */
#include "proxy/head.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "proxy/cors.h"
#include "proxy/digits.h"
#include "proxy/format.h"
#include "proxy/hash.h"
#include "proxy/http1_write.h"
#include "proxy/reply.h"

#define ID_LENGTH 36

/* Of the head that is being written. */
static struct arena *texts_of(struct client *c)
{
	struct worker *w = c->worker;

	if (!w->texts)
		w->texts = arena_new();
	return w->texts;
}

static void texts_drop(struct worker *w)
{
	arena_free(w->texts);
	w->texts = NULL;
}

void head_add(struct client *c, const char *name, struct http_text value)
{
	vec_push(&c->worker->headers.list, ((struct http_header){http_text(name), value}));
}

void head_add_printed(struct client *c, const char *name, const char *format, ...)
{
	struct worker *w = c->worker;
	size_t space = sizeof(w->printed) - w->nr_printed;
	char *at = w->printed + w->nr_printed;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(at, space, format, args);
	va_end(args);
	assert(n >= 0 && (size_t)n < space);
	w->nr_printed += (size_t)n;
	head_add(c, name, (struct http_text){at, (size_t)n});
}

static void head_add_number(struct client *c, const char *name, uint64_t value)
{
	struct worker *w = c->worker;
	char *at = w->printed + w->nr_printed;
	size_t length;

	assert(sizeof(w->printed) - w->nr_printed >= DIGITS_DECIMAL_MOST);
	length = digits_decimal(at, value);
	w->nr_printed += length;
	head_add(c, name, (struct http_text){at, length});
}

void head_add_copied(struct client *c, const char *name, const char *value)
{
	head_add(c, name, http_text(arena_strdup(texts_of(c), value)));
}

/* Begins a list with the headers that go on. */
static void headers_begin(struct client *c, const struct http_request *from, bool tunnel)
{
	struct http_header_list *l = &c->worker->headers;

	l->list.nr = 0;
	c->worker->nr_printed = 0;
	for (size_t i = 0; i < from->nr_headers; i++)
		vec_push(&l->list, from->headers[i]);
	http1_hops_remove(l, tunnel);
}

static bool any_variable(const struct header_values *v)
{
	for (size_t i = 0; i < v->nr; i++)
		if (strchr(v->at[i].value, '%'))
			return true;
	return false;
}

/* The values with their variables replaced; those without a value are left out. */
static struct header_values values_expanded(const struct client *c, const struct header_values *v,
					    struct arena *texts)
{
	struct header_values out = {0};

	out.at = arena_alloc(texts, v->nr * sizeof(out.at[0]));
	for (size_t i = 0; i < v->nr; i++) {
		char *text = format_expand(c, v->at[i].value);

		if (!text)
			continue;
		out.at[out.nr++] = (struct header_value){v->at[i].name, arena_strdup(texts, text)};
		free(text);
	}
	return out;
}

static void headers_change(struct client *c, const struct header_changes *changes)
{
	struct header_changes expanded = *changes;

	if (any_variable(&changes->set))
		expanded.set = values_expanded(c, &changes->set, texts_of(c));
	if (any_variable(&changes->add))
		expanded.add = values_expanded(c, &changes->add, texts_of(c));
	http_headers_change(&c->worker->headers, &expanded);
}

static const struct header_changes *changes_of(const struct http_headers *h, bool answer)
{
	static const struct header_changes none;

	if (!h)
		return &none;
	return answer ? &h->response : &h->request;
}

/*
 * Of several destinations the chosen one's come first. Those of a single one stand behind the
 * route's on one list, so that what either removes is gone before either sets anything.
 */
static void rule_change(struct client *c, bool answer)
{
	const struct request *r = &c->request;
	const struct header_changes *route, *split;
	struct header_changes removals = {0}, rest;

	if (!r->route || (!r->route->rule->headers && (!r->split || !r->split->headers)))
		return;
	route = changes_of(r->route->rule->headers, answer);
	split = changes_of(r->split ? r->split->headers : NULL, answer);
	if (r->route->rule->nr_splits > 1) {
		headers_change(c, split);
		headers_change(c, route);
		return;
	}
	removals.remove = split->remove;
	rest = *split;
	rest.remove = (struct header_names){0};
	headers_change(c, &removals);
	headers_change(c, route);
	headers_change(c, &rest);
}

struct http_text head_header(const struct client *c, const char *name)
{
	const struct http_request *q = &c->request.asked;
	size_t length = strlen(name);

	for (size_t i = 0; i < q->nr_headers; i++)
		if (q->headers[i].name.length == length &&
		    !strncasecmp(q->headers[i].name.at, name, length))
			return q->headers[i].value;
	return (struct http_text){"", 0};
}

/* 128 random bits in the form of a UUID, version 4. */
static void id_make(struct client *c)
{
	uint64_t a = worker_random(c->worker), b = worker_random(c->worker);
	char *id = c->request.id;

	memcpy(id, "00000000-0000-4000-0000-000000000000", ID_LENGTH + 1);
	digits_hex(id, a >> 32, 8);
	digits_hex(id + 9, a >> 16, 4);
	digits_hex(id + 15, a, 3);
	digits_hex(id + 19, 0x8000 | (b >> 48 & 0x3fff), 4);
	digits_hex(id + 24, b, 12);
}

bool head_is_grpc(const struct client *c)
{
	struct http_text type = head_header(c, "content-type");

	return type.length >= 16 && !strncasecmp(type.at, "application/grpc", 16) &&
	       (type.length == 16 || type.at[16] == '+' || type.at[16] == ';');
}

/* What an application tells its own proxy, and what is ours to say. */
static void controls_remove(struct http_header_list *l)
{
	struct http_header *h;
	size_t kept = 0;

	vec_each (&l->list, h)
		if (control_of(h->name) >= NR_CONTROLS_REMOVED)
			l->list.at[kept++] = *h;
	l->list.nr = kept;
}

static void add_missing(struct client *c, const char *name, struct http_text value)
{
	if (value.length)
		head_add(c, name, value);
}

static void trace_add(struct client *c)
{
	struct request *r = &c->request;
	struct trace_missing missing;

	trace_missing(&r->trace, c->worker, &r->controls, &r->asked, &missing);
	add_missing(c, "traceparent", missing.parent);
	add_missing(c, "x-b3-traceid", missing.trace_id);
	add_missing(c, "x-b3-spanid", missing.span_id);
	add_missing(c, "x-b3-sampled", missing.sampled);
}

/* What goes upstream beside the client's own headers. */
static void request_ours_add(struct client *c)
{
	struct request *r = &c->request;
	int64_t expected = r->per_try_timeout ? r->per_try_timeout : r->timeout;

	if (!control_seen(&r->controls, CONTROL_FORWARDED_PROTO))
		head_add(c, "x-forwarded-proto", http_text("http"));
	if (!*r->id && !control_value(&r->controls, &r->asked, CONTROL_REQUEST_ID).length)
		id_make(c);
	if (*r->id)
		head_add(c, "x-request-id", http_text(r->id));
	trace_add(c);
	if (r->route)
		head_add_number(c, "x-envoy-attempt-count", r->attempts);
	if (expected)
		head_add_number(c, "x-envoy-expected-rq-timeout-ms", (uint64_t)expected / 1000000);
	if (r->path)
		head_add(c, "x-envoy-original-path", r->asked.path);
}

/* Where the request goes, in the words of its route. */
static const char *authority(const struct request *r)
{
	if (!r->route)
		return NULL;
	return http_authority(r->route->rule->rewrite, r->route->rule->headers,
			      r->split ? r->split->headers : NULL);
}

static struct http1_out out_of(struct buffer *b)
{
	return (struct http1_out){b->at, b->end, b->size};
}

/* What was written becomes the buffer's. */
static int out_done(struct client *c, struct buffer *b, const struct http1_out *out, int err)
{
	b->end = (uint32_t)out->nr;
	texts_drop(c->worker);
	return err;
}

static int request_put(struct client *c, struct buffer *b, bool copy)
{
	const struct http1_head *head = &c->parser.head;
	struct request *r = &c->request;
	struct http_request asked = r->asked;
	struct http1_out out = out_of(b);
	const char *host = authority(r);
	int err;

	headers_begin(c, &asked, head->upgrade);
	if (r->controls.seen & CONTROLS_REMOVED)
		controls_remove(&c->worker->headers);
	rule_change(c, false);
	request_ours_add(c);
	if (copy)
		trace_unsample(&c->worker->headers, texts_of(c));
	asked.headers = c->worker->headers.list.at;
	asked.nr_headers = c->worker->headers.list.nr;
	asked.path = r->path ? http_text(r->path) : asked.path;
	asked.authority = host ? http_text(host) : asked.authority;
	err = http1_write_request(&out, &asked, &head->framing,
				  head->upgrade ? HTTP1_SAY_UPGRADE : HTTP1_SAY_NOTHING);
	return out_done(c, b, &out, err);
}

int head_request_put(struct client *c, struct buffer *b)
{
	return request_put(c, b, false);
}

int head_copy_put(struct client *c, struct buffer *b)
{
	return request_put(c, b, true);
}

static enum http1_connection connection(const struct client *c)
{
	if (c->request.close)
		return HTTP1_SAY_CLOSE;
	return c->parser.head.minor ? HTTP1_SAY_NOTHING : HTTP1_SAY_KEEP;
}

static void date_add(struct client *c)
{
	time_t now = time(NULL);
	char text[40];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	head_add_printed(c, "date", "%s", text);
}

/* "server" is ours, whatever the upstream calls itself; a date it gave stays. */
static void answer_ours_add(struct client *c)
{
	struct http_header_list *l = &c->worker->headers;
	bool dated = false;
	struct http_header *h;
	size_t kept = 0;

	vec_each (&l->list, h) {
		if (http_text_is(h->name, "server") ||
		    http_text_is(h->name, "x-envoy-upstream-service-time"))
			continue;
		dated = dated || http_text_is(h->name, "date");
		l->list.at[kept++] = *h;
	}
	l->list.nr = kept;
	if (!dated)
		date_add(c);
	head_add(c, "server", http_text("envoy"));
}

static int answer_write(struct client *c, struct buffer *b, uint16_t status,
			struct http_text reason, const struct http1_framing *framing,
			enum http1_connection say)
{
	struct http1_out out = out_of(b);
	struct http_request headers = {0};
	int err;

	headers.headers = c->worker->headers.list.at;
	headers.nr_headers = c->worker->headers.list.nr;
	err = http1_write_response(&out, status, reason, &headers, framing, say);
	return out_done(c, b, &out, err);
}

int head_answer_put(struct client *c, struct buffer *b)
{
	const struct http1_head *head = &c->request.upstream->parser.head;
	struct http1_framing framing = head->framing;
	bool tunnel = head->status == 101;

	headers_begin(c, &head->request, tunnel);
	answer_ours_add(c);
	head_add_number(c, "x-envoy-upstream-service-time",
			(uint64_t)c->request.upstream_took / 1000000);
	cors_answer(c);
	hash_cookie_add(c);
	rule_change(c, true);
	if (c->request.framing == FRAMING_CHUNKED)
		framing.how = HTTP1_CHUNKED;
	else if (c->request.framing == FRAMING_CLOSE)
		framing.how = HTTP1_UNTIL_CLOSE;
	return answer_write(c, b, head->status, head->reason, &framing,
			    tunnel ? HTTP1_SAY_UPGRADE : connection(c));
}

int head_interim_put(struct client *c, struct buffer *b)
{
	const struct http1_head *head = &c->request.upstream->parser.head;
	struct http1_framing framing = {0};

	headers_begin(c, &head->request, false);
	return answer_write(c, b, head->status, head->reason, &framing, HTTP1_SAY_NOTHING);
}

int head_reply_put(struct client *c, struct buffer *b, uint16_t status, size_t length, bool by_rule)
{
	/* RFC 9110, 8.6: a 204 must not say a length */
	struct http1_framing framing = {HTTP1_LENGTH, status != 204, length};

	answer_ours_add(c);
	if (by_rule)
		rule_change(c, true);
	return answer_write(c, b, status, http_text(reply_reason(status)), &framing, connection(c));
}
