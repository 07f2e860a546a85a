/* SPDX-License-Identifier: GPL-2.0 */
/* Which failures and answers are worth another try, and when it begins. */
#ifndef PROXY_RETRY_H
#define PROXY_RETRY_H

#include "proxy/controls.h"
#include "proxy/http1.h"
#include "proxy/worker.h"

enum attempt_failure {
	FAILED_CONNECT,
	FAILED_CONNECT_TIMEOUT,
	FAILED_CONNECT_HERE, /* we could not even begin */
	FAILED_CLOSED,	     /* before an answer */
	FAILED_RESET,	     /* likewise, by RST */
	FAILED_PROTOCOL,     /* the answer is no http */
	FAILED_TRY_TIMEOUT,
};

/* What one request is tried again for: what its rule says, and what its own headers add. */
struct retry {
	const struct http_retries *policy; /* NULL: never */
	uint32_t on;			   /* bits of enum retry_on */
	uint32_t attempts;		   /* tries after the first */
	struct http_text codes, headers;   /* lists with commas, of the request's headers */
};

/* What the rule says, or what holds when it says nothing. */
const struct http_retries *retry_policy(const struct table_rule *r);
/* Texts are the request's. */
void retry_set(struct retry *out, const struct http_retries *policy, const struct controls *c,
	       const struct http_request *r);
/* Whether an answer, or a failure with the body under way, can lead to another try. */
bool retry_keeps(const struct retry *r, bool grpc);
/* `sent`: some of the request was. */
bool retry_wants_failure(const struct retry *r, enum attempt_failure f, bool sent);
bool retry_wants_answer(const struct retry *r, const struct http1_head *answer);
/* ns before retry `n`, which counts from 1. */
int64_t retry_backoff(struct worker *w, const struct http_retries *p, unsigned n);

#endif
