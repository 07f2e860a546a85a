// SPDX-License-Identifier: GPL-2.0
/* The words of retryOn, as rules and requests write them. */
#include "http/retries.h"
#include <string.h>

const char *const http_retry_words[HTTP_RETRY_WORDS] = {
	"5xx",
	"gateway-error",
	"reset",
	"reset-before-request",
	"connect-failure",
	"retriable-4xx",
	"refused-stream",
	"retriable-status-codes",
	"retriable-headers",
	"envoy-ratelimited",
	"http3-post-connect-failure",
	"cancelled",
	"deadline-exceeded",
	"internal",
	"resource-exhausted",
	"unavailable",
};

uint32_t http_retry_word(const char *at, size_t length)
{
	for (unsigned i = 0; i < HTTP_RETRY_WORDS; i++)
		if (strlen(http_retry_words[i]) == length &&
		    !memcmp(http_retry_words[i], at, length))
			return 1u << i;
	return 0;
}
