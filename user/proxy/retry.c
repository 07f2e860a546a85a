// SPDX-License-Identifier: GPL-2.0
/* The words of retryOn, and the time between tries. */
#include "proxy/retry.h"
#include <stdlib.h>
#include <string.h>

#define BACKOFF_DEFAULT (25 * 1000000ll)
#define RESET_WORDS (RETRY_5XX | RETRY_GATEWAY_ERROR | RETRY_RESET)

const struct http_retries *retry_policy(const struct table_rule *r)
{
	static const struct http_retries built_in = {
		.attempts = 2,
		.on = RETRY_CONNECT_FAILURE | RETRY_REFUSED_STREAM | RETRY_UNAVAILABLE |
		      RETRY_CANCELLED | RETRY_STATUS_CODES,
	};

	return r->retries ? r->retries : &built_in;
}

bool retry_wants_failure(const struct http_retries *p, enum attempt_failure f)
{
	switch (f) {
	case FAILED_CONNECT:
	case FAILED_CONNECT_TIMEOUT:
	case FAILED_CONNECT_HERE:
		return p->on & (RESET_WORDS | RETRY_CONNECT_FAILURE | RETRY_RESET_BEFORE_REQUEST);
	case FAILED_CLOSED:
	case FAILED_PROTOCOL:
	case FAILED_TRY_TIMEOUT:
		break;
	}
	return p->on & RESET_WORDS;
}

static struct http_text answer_header(const struct http1_head *answer, const char *name)
{
	const struct http_request *q = &answer->request;

	for (size_t i = 0; i < q->nr_headers; i++)
		if (http_text_is(q->headers[i].name, name))
			return q->headers[i].value;
	return (struct http_text){"", 0};
}

static bool wants_grpc(const struct http_retries *p, const struct http1_head *answer)
{
	static const struct {
		unsigned on;
		const char *status;
	} words[] = {
		{RETRY_CANCELLED, "1"},	   {RETRY_DEADLINE_EXCEEDED, "4"},
		{RETRY_INTERNAL, "13"},	   {RETRY_RESOURCE_EXHAUSTED, "8"},
		{RETRY_UNAVAILABLE, "14"},
	};
	struct http_text status = answer_header(answer, "grpc-status");

	for (size_t i = 0; status.length && i < sizeof(words) / sizeof(words[0]); i++)
		if (p->on & words[i].on && http_text_is(status, words[i].status))
			return true;
	return false;
}

static bool wants_status(const struct http_retries *p, uint16_t status)
{
	if (p->on & RETRY_5XX && status >= 500)
		return true;
	if (p->on & RETRY_GATEWAY_ERROR && status >= 502 && status <= 504)
		return true;
	if (p->on & RETRY_RETRIABLE_4XX && status == 409)
		return true;
	for (size_t i = 0; p->on & RETRY_STATUS_CODES && i < p->nr_status_codes; i++)
		if (p->status_codes[i] == status)
			return true;
	return false;
}

bool retry_wants_answer(const struct http_retries *p, const struct http1_head *answer)
{
	if (answer_header(answer, "x-envoy-overloaded").length)
		return false;
	if (answer_header(answer, "x-envoy-ratelimited").length)
		return p->on & RETRY_RATELIMITED;
	return wants_status(p, answer->status) || wants_grpc(p, answer);
}

int64_t retry_backoff(struct worker *w, const struct http_retries *p, unsigned n)
{
	int64_t base = p->backoff ? p->backoff : BACKOFF_DEFAULT;
	int64_t most = 10 * base, range = n < 10 ? base * ((1ll << n) - 1) : most;

	range = range < most ? range : most;
	return range > 0 ? (int64_t)(worker_random(w) % (uint64_t)range) : 0;
}
