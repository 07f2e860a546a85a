/* SPDX-License-Identifier: GPL-2.0 */
/* Which trace a request belongs to: what it came with goes on, what is missing is made. */
#ifndef PROXY_TRACE_H
#define PROXY_TRACE_H

#include "base/mem.h"
#include "http/rewrite.h"
#include "proxy/controls.h"

struct worker;

#define TRACE_LENGTH 55 /* "00-" 32 digits "-" 16 digits "-01" */

/*
 * The texts are those of `traceparent`, as it came or as it is made, so that B3 and W3C name the
 * same trace and span.
 */
struct trace {
	char made[TRACE_LENGTH + 1]; /* "": none so far */
};

/* What is to be added for a request; made once, for all of its tries. */
struct trace_missing {
	struct http_text parent;		  /* of W3C; length 0: it is not missing */
	struct http_text trace_id, span_id, sampled; /* of B3; likewise */
};
void trace_missing(struct trace *t, struct worker *w, const struct controls *c,
		   const struct http_request *r, struct trace_missing *out);
/* Among headers that go upstream: the trace stays, but is sampled no more. Texts are `texts`'. */
void trace_unsample(struct http_header_list *l, struct arena *texts);

#endif
