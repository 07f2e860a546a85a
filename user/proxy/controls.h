/* SPDX-License-Identifier: GPL-2.0 */
/* The headers of a request that mean something to the proxy: found in one pass, when it begins. */
#ifndef PROXY_CONTROLS_H
#define PROXY_CONTROLS_H

#include "http/match.h"

enum control {
	/* what an application asks of its own proxy: goes no further */
	CONTROL_MAX_RETRIES,
	CONTROL_RETRY_ON,
	CONTROL_RETRY_GRPC_ON,
	CONTROL_RETRIABLE_CODES,
	CONTROL_RETRIABLE_HEADERS,
	CONTROL_TIMEOUT,
	CONTROL_TRY_TIMEOUT,
	CONTROL_TIMEOUT_ANSWER,
	CONTROL_HEDGE,
	CONTROL_STAT_NAME,
	CONTROL_DECORATOR,
	/* what is ours to say: likewise */
	CONTROL_ATTEMPT_COUNT,
	CONTROL_EXPECTED_TIMEOUT,
	CONTROL_ORIGINAL_PATH,
	NR_CONTROLS_REMOVED,
	/* what goes on, and what is made when it is missing */
	CONTROL_GRPC_TIMEOUT = NR_CONTROLS_REMOVED,
	CONTROL_REQUEST_ID,
	CONTROL_FORWARDED_PROTO,
	CONTROL_FORCE_TRACE,
	CONTROL_TRACEPARENT,
	CONTROL_B3,
	CONTROL_B3_TRACE_ID,
	CONTROL_B3_SPAN_ID,
	CONTROL_B3_SAMPLED,
	CONTROL_B3_FLAGS,
	NR_CONTROLS,
};

struct controls {
	uint32_t seen;		 /* bits by enum control */
	uint8_t at[NR_CONTROLS]; /* of those: the first header of that name */
};

#define CONTROLS_REMOVED ((1u << NR_CONTROLS_REMOVED) - 1)

void controls_find(struct controls *out, const struct http_request *r);
/* Which one a name is; NR_CONTROLS: none. */
enum control control_of(struct http_text name);
/* Whether it came; an empty value counts. */
static inline bool control_seen(const struct controls *c, enum control which)
{
	return c->seen >> which & 1;
}
/* The value of one that came, of the request it was found in; length 0: there is none. */
static inline struct http_text control_value(const struct controls *c, const struct http_request *r,
					     enum control which)
{
	return control_seen(c, which) ? r->headers[c->at[which]].value
				      : (struct http_text){"", 0};
}

/* "15"; false: it is no number below 10^9. */
bool control_number(struct http_text value, uint32_t *out);
/* "100m" of grpc-timeout in ns; false: it is none. */
bool control_grpc_timeout(struct http_text value, int64_t *ns);

#endif
