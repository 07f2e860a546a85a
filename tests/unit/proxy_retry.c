// SPDX-License-Identifier: GPL-2.0
/* Which answers and failures the words of retryOn mean, and how long a retry waits. */
#include "proxy/retry.h"
#include "unit.h"

static bool wants(unsigned on, uint16_t status, const char *name, const char *value)
{
	const struct http_retries p = {.attempts = 1, .on = on};
	struct http_header h = {http_text(name), http_text(value)};
	const struct http1_head answer = {
		.status = status,
		.request = {.headers = &h, .nr_headers = *name ? 1 : 0},
	};

	return retry_wants_answer(&p, &answer);
}

TEST(words_mean_statuses)
{
	CU_ASSERT(wants(RETRY_5XX, 500, "", ""));
	CU_ASSERT(!wants(RETRY_5XX, 404, "", ""));
	CU_ASSERT(wants(RETRY_GATEWAY_ERROR, 503, "", ""));
	CU_ASSERT(!wants(RETRY_GATEWAY_ERROR, 500, "", ""));
	CU_ASSERT(wants(RETRY_RETRIABLE_4XX, 409, "", ""));
	CU_ASSERT(!wants(RETRY_CONNECT_FAILURE, 503, "", ""));
}

TEST(words_of_grpc_look_at_the_headers)
{
	CU_ASSERT(wants(RETRY_UNAVAILABLE, 200, "grpc-status", "14"));
	CU_ASSERT(!wants(RETRY_UNAVAILABLE, 200, "grpc-status", "1"));
	CU_ASSERT(wants(RETRY_CANCELLED, 200, "grpc-status", "1"));
}

TEST(overflow_and_rate_limits_are_not_retried)
{
	CU_ASSERT(!wants(RETRY_5XX, 503, "x-envoy-overloaded", "true"));
	CU_ASSERT(!wants(RETRY_5XX, 503, "x-envoy-ratelimited", "true"));
	CU_ASSERT(wants(RETRY_RATELIMITED, 429, "x-envoy-ratelimited", "true"));
}

TEST(without_a_policy_two_more_tries_for_connect_failures)
{
	const struct table_rule rule = {0};
	const struct http_retries *p = retry_policy(&rule);

	CU_ASSERT_EQUAL(p->attempts, 2);
	CU_ASSERT(retry_wants_failure(p, FAILED_CONNECT));
	CU_ASSERT(!retry_wants_failure(p, FAILED_CLOSED));
}

TEST(backoff_grows_up_to_ten_times_its_base)
{
	static const int64_t below[] = {0, 25, 75, 175, 250, 250};
	const struct http_retries p = {.attempts = 5};
	struct worker w = {.random = 1};
	int wrong = 0;

	for (unsigned n = 1; n < 6; n++)
		for (int i = 0; i < 1000; i++) {
			int64_t ns = retry_backoff(&w, &p, n);

			wrong += ns < 0 || ns >= below[n] * 1000000;
		}
	CU_ASSERT_EQUAL(wrong, 0);
}
