// SPDX-License-Identifier: GPL-2.0
/*
 * Trace context in the forms of Zipkin (B3, one header or several) and of W3C. What comes is passed
 * on as it is: no span of this proxy's stands between two of the application's. A request without
 * any gets a trace of its own, of which one in a hundred is sampled, Istio's default, and all for
 * which x-envoy-force-trace asks. A request with one form gets the other one, too, of the same ids.
 */
#include "proxy/trace.h"
#include "proxy/digits.h"
#include "proxy/worker.h"

#define TRACE_AT 3
#define TRACE_DIGITS 32
#define SPAN_AT 36
#define SPAN_DIGITS 16
#define SAMPLED_AT 54
#define SAMPLED_MILLIONTHS 10000

static bool is_digits(const char *at, size_t length)
{
	bool zero = true;

	for (size_t i = 0; i < length; i++) {
		if (!(at[i] >= '0' && at[i] <= '9') && !(at[i] >= 'a' && at[i] <= 'f'))
			return false;
		zero = zero && at[i] == '0';
	}
	return !zero;
}

/* Version 00, or the part of a later one that has to be the same. */
static bool is_parent(struct http_text t)
{
	return t.length >= TRACE_LENGTH && t.at[2] == '-' && t.at[SPAN_AT - 1] == '-' &&
	       t.at[SAMPLED_AT - 2] == '-' && is_digits(t.at + TRACE_AT, TRACE_DIGITS) &&
	       is_digits(t.at + SPAN_AT, SPAN_DIGITS);
}

static bool is_odd(char digit)
{
	return (digit <= '9' ? digit : digit + 1) & 1;
}

/* ---- making one ---- */

static void frame_put(struct trace *t, bool sampled)
{
	memcpy(t->made, "00-", 3);
	t->made[SPAN_AT - 1] = t->made[SAMPLED_AT - 2] = '-';
	t->made[SAMPLED_AT - 1] = '0';
	t->made[SAMPLED_AT] = sampled ? '1' : '0';
	t->made[TRACE_LENGTH] = '\0';
}

static void random_put(struct trace *t, struct worker *w, bool sampled)
{
	digits_hex(t->made + TRACE_AT, worker_random(w), 16);
	digits_hex(t->made + TRACE_AT + 16, worker_random(w), 16);
	digits_hex(t->made + SPAN_AT, worker_random(w), SPAN_DIGITS);
	frame_put(t, sampled);
}

/* Ids of B3, whose trace may have half the digits; false: they are none. */
static bool ids_put(struct trace *t, struct http_text trace, struct http_text span, bool sampled)
{
	if ((trace.length != TRACE_DIGITS && trace.length != 16) || span.length != SPAN_DIGITS ||
	    !is_digits(trace.at, trace.length) || !is_digits(span.at, span.length))
		return false;
	memset(t->made + TRACE_AT, '0', TRACE_DIGITS);
	memcpy(t->made + SPAN_AT - 1 - trace.length, trace.at, trace.length);
	memcpy(t->made + SPAN_AT, span.at, SPAN_DIGITS);
	frame_put(t, sampled);
	return true;
}

static bool says_yes(struct http_text t)
{
	return t.length && (*t.at == '1' || *t.at == 'd' || http_text_is(t, "true"));
}

/* "TRACE-SPAN-SAMPLED-PARENT", of which the last two may be missing. */
static void single_put(struct trace *t, struct http_text b3)
{
	const char *dash = memchr(b3.at, '-', b3.length), *end = b3.at + b3.length;
	struct http_text trace, span, sampled = {"", 0};

	if (!dash)
		return;
	trace = (struct http_text){b3.at, (size_t)(dash - b3.at)};
	span = (struct http_text){dash + 1, (size_t)(end - dash - 1)};
	dash = memchr(span.at, '-', span.length);
	if (dash) {
		sampled = (struct http_text){dash + 1, (size_t)(end - dash - 1)};
		span.length = (size_t)(dash - span.at);
	}
	ids_put(t, trace, span, says_yes(sampled));
}

/* As `traceparent`, from whatever form there is; nothing, when it names no ids. */
static void make(struct trace *t, struct worker *w, const struct controls *c,
		 const struct http_request *r)
{
	bool sampled = says_yes(control_value(c, r, CONTROL_B3_SAMPLED)) ||
		       says_yes(control_value(c, r, CONTROL_B3_FLAGS));

	if (control_seen(c, CONTROL_B3)) {
		single_put(t, control_value(c, r, CONTROL_B3));
	} else if (control_seen(c, CONTROL_B3_TRACE_ID)) {
		ids_put(t, control_value(c, r, CONTROL_B3_TRACE_ID),
			control_value(c, r, CONTROL_B3_SPAN_ID), sampled);
	} else {
		if (!control_seen(c, CONTROL_B3_SAMPLED))
			sampled = sampled || control_seen(c, CONTROL_FORCE_TRACE) ||
				  worker_rolls(w, SAMPLED_MILLIONTHS);
		random_put(t, w, sampled);
	}
}

/* ---- what is missing ---- */

void trace_missing(struct trace *t, struct worker *w, const struct controls *c,
		   const struct http_request *r, struct trace_missing *out)
{
	bool parent = control_seen(c, CONTROL_TRACEPARENT);
	bool b3 = control_seen(c, CONTROL_B3) || control_seen(c, CONTROL_B3_TRACE_ID);
	struct http_text all = control_value(c, r, CONTROL_TRACEPARENT);

	*out = (struct trace_missing){0};
	if (parent && (b3 || !is_parent(all)))
		return;
	if (!parent) {
		if (!*t->made)
			make(t, w, c, r);
		all = http_text(t->made);
		out->parent = all;
	}
	if (b3 || !all.length)
		return;
	out->trace_id = (struct http_text){all.at + TRACE_AT, TRACE_DIGITS};
	out->span_id = (struct http_text){all.at + SPAN_AT, SPAN_DIGITS};
	if (!control_seen(c, CONTROL_B3_SAMPLED))
		out->sampled = (struct http_text){is_odd(all.at[SAMPLED_AT]) ? "1" : "0", 1};
}

/* ---- copies of requests ---- */

static struct http_text with_digit(struct http_text t, size_t at, struct arena *texts)
{
	char *copy = arena_strndup(texts, t.at, t.length);

	copy[at] = '0';
	return (struct http_text){copy, t.length};
}

/* Where the third field of "TRACE-SPAN-SAMPLED" stands, or the only one; its length: nowhere. */
static size_t single_sampled(struct http_text b3)
{
	size_t at = 0, nr = 0;

	for (size_t i = 0; i < b3.length && nr < 2; i++)
		if (b3.at[i] == '-' && ++nr == 2)
			at = i + 1;
	return nr == 1 ? b3.length : at;
}

void trace_unsample(struct http_header_list *l, struct arena *texts)
{
	struct http_header *h;

	vec_each (&l->list, h) {
		enum control which = control_of(h->name);
		size_t at = h->value.length;

		if (which == CONTROL_B3_SAMPLED || which == CONTROL_B3_FLAGS)
			h->value = http_text("0");
		else if (which == CONTROL_TRACEPARENT && is_parent(h->value))
			at = SAMPLED_AT;
		else if (which == CONTROL_B3)
			at = single_sampled(h->value);
		if (at < h->value.length)
			h->value = with_digit(h->value, at, texts);
	}
}
