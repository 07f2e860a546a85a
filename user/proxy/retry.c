// SPDX-License-Identifier: GPL-2.0
/* The words of retryOn, and the time between tries. */
#include "proxy/retry.h"
#include <stdlib.h>
#include <string.h>
#include "http/retries.h"
#include "proxy/http1_head.h"

#define BACKOFF_DEFAULT (25 * 1000000ll)
#define RESET_WORDS (RETRY_5XX | RETRY_GATEWAY_ERROR | RETRY_RESET)
#define STATUS_WORDS                                                                               \
	(RESET_WORDS | RETRY_RETRIABLE_4XX | RETRY_RATELIMITED)
#define GRPC_WORDS                                                                                 \
	(RETRY_CANCELLED | RETRY_DEADLINE_EXCEEDED | RETRY_INTERNAL | RETRY_RESOURCE_EXHAUSTED |   \
	 RETRY_UNAVAILABLE)

const struct http_retries *retry_policy(const struct table_rule *r)
{
	static const struct http_retries built_in = {
		.attempts = 2,
		.on = RETRY_CONNECT_FAILURE | RETRY_REFUSED_STREAM | RETRY_UNAVAILABLE |
		      RETRY_CANCELLED | RETRY_STATUS_CODES,
	};

	return r->retries ? r->retries : &built_in;
}

/* ---- what a request asks for ---- */

/* The words of a header, those of gRPC or the others; what is none of them is passed over. */
static uint32_t words_read(struct http_text list, bool grpc)
{
	struct http_text word;
	uint32_t on = 0;

	while (http1_element_next(&list, &word))
		on |= http_retry_word(word.at, word.length);
	return on & (grpc ? GRPC_WORDS : ~(uint32_t)GRPC_WORDS);
}

void retry_set(struct retry *out, const struct http_retries *policy, const struct controls *c,
	       const struct http_request *r)
{
	uint32_t own, attempts;

	*out = (struct retry){policy, policy->attempts ? policy->on : 0, policy->attempts, {0}, {0}};
	if (!(c->seen & CONTROLS_REMOVED))
		return;
	own = words_read(control_value(c, r, CONTROL_RETRY_ON), false) |
	      words_read(control_value(c, r, CONTROL_RETRY_GRPC_ON), true);
	out->codes = control_value(c, r, CONTROL_RETRIABLE_CODES);
	out->headers = control_value(c, r, CONTROL_RETRIABLE_HEADERS);
	/* a rule that wants none leaves Envoy's one to who asks */
	if (own && !out->attempts)
		out->attempts = 1;
	out->on |= own;
	if (out->on && control_number(control_value(c, r, CONTROL_MAX_RETRIES), &attempts))
		out->attempts = attempts;
}

bool retry_keeps(const struct retry *r, bool grpc)
{
	uint32_t on = r->on;

	if (!r->policy || !r->attempts)
		return false;
	return on & STATUS_WORDS || (grpc && on & GRPC_WORDS) ||
	       (on & RETRY_STATUS_CODES && (r->policy->nr_status_codes || r->codes.length)) ||
	       (on & RETRY_HEADERS && r->headers.length);
}

/* ---- failures ---- */

bool retry_wants_failure(const struct retry *r, enum attempt_failure f, bool sent)
{
	uint32_t on = RESET_WORDS;

	if (f == FAILED_CONNECT || f == FAILED_CONNECT_TIMEOUT || f == FAILED_CONNECT_HERE)
		on |= RETRY_CONNECT_FAILURE;
	if (!sent)
		on |= RETRY_RESET_BEFORE_REQUEST;
	return r->on & on;
}

/* ---- answers ---- */

static struct http_text answer_header(const struct http1_head *answer, struct http_text name)
{
	const struct http_request *q = &answer->request;

	for (size_t i = 0; i < q->nr_headers; i++)
		if (q->headers[i].name.length == name.length &&
		    !strncasecmp(q->headers[i].name.at, name.at, name.length))
			return q->headers[i].value;
	return (struct http_text){NULL, 0};
}

static bool wants_grpc(const struct retry *r, const struct http1_head *answer)
{
	static const struct {
		unsigned on;
		const char *status;
	} words[] = {
		{RETRY_CANCELLED, "1"},	   {RETRY_DEADLINE_EXCEEDED, "4"},
		{RETRY_INTERNAL, "13"},	   {RETRY_RESOURCE_EXHAUSTED, "8"},
		{RETRY_UNAVAILABLE, "14"},
	};
	struct http_text status;

	if (!(r->on & GRPC_WORDS))
		return false;
	status = answer_header(answer, http_text("grpc-status"));
	for (size_t i = 0; status.length && i < sizeof(words) / sizeof(words[0]); i++)
		if (r->on & words[i].on && http_text_is(status, words[i].status))
			return true;
	return false;
}

static bool wants_code(const struct retry *r, uint16_t status)
{
	struct http_text list = r->codes, code;
	uint32_t number;

	if (!(r->on & RETRY_STATUS_CODES))
		return false;
	for (size_t i = 0; i < r->policy->nr_status_codes; i++)
		if (r->policy->status_codes[i] == status)
			return true;
	while (http1_element_next(&list, &code))
		if (control_number(code, &number) && number == status)
			return true;
	return false;
}

static bool wants_status(const struct retry *r, uint16_t status)
{
	if (r->on & RETRY_5XX && status >= 500)
		return true;
	if (r->on & RETRY_GATEWAY_ERROR && status >= 502 && status <= 504)
		return true;
	if (r->on & RETRY_RETRIABLE_4XX && status == 409)
		return true;
	return wants_code(r, status);
}

/* One that the request named. */
static bool wants_header(const struct retry *r, const struct http1_head *answer)
{
	struct http_text list = r->headers, name;

	if (!(r->on & RETRY_HEADERS))
		return false;
	while (http1_element_next(&list, &name))
		if (name.length && answer_header(answer, name).at)
			return true;
	return false;
}

bool retry_wants_answer(const struct retry *r, const struct http1_head *answer)
{
	if (!r->on)
		return false;
	if (answer_header(answer, http_text("x-envoy-overloaded")).length)
		return false;
	if (answer_header(answer, http_text("x-envoy-ratelimited")).length)
		return r->on & RETRY_RATELIMITED;
	return wants_status(r, answer->status) || wants_grpc(r, answer) || wants_header(r, answer);
}

int64_t retry_backoff(struct worker *w, const struct http_retries *p, unsigned n)
{
	int64_t base = p->backoff ? p->backoff : BACKOFF_DEFAULT;
	int64_t most = 10 * base, range = n < 10 ? base * ((1ll << n) - 1) : most;

	range = range < most ? range : most;
	return range > 0 ? (int64_t)(worker_random(w) % (uint64_t)range) : 0;
}
