/* SPDX-License-Identifier: GPL-2.0 */
/* Which failures and answers are worth another try, and when it begins. */
#ifndef PROXY_RETRY_H
#define PROXY_RETRY_H

#include "proxy/attempt.h"

/* What the rule says, or what holds when it says nothing. */
const struct http_retries *retry_policy(const struct table_rule *r);
bool retry_wants_failure(const struct http_retries *p, enum attempt_failure f);
bool retry_wants_answer(const struct http_retries *p, const struct http1_head *answer);
/* ns before retry `n`, which counts from 1. */
int64_t retry_backoff(struct worker *w, const struct http_retries *p, unsigned n);

#endif
