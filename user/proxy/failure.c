// SPDX-License-Identifier: GPL-2.0
/* What becomes of a try without an answer, or with one that is worth another try. */
#include <stdio.h>
#include <string.h>
#include "proxy/attempt.h"
#include "proxy/outlier.h"
#include "proxy/reply.h"
#include "proxy/retry.h"

/* Another try, if the policy, its count and the cluster's limit allow one. */
static bool again(struct client *c, bool wanted)
{
	struct request *r = &c->request;
	const struct http_retries *policy = r->route ? retry_policy(r->route->rule) : NULL;
	const struct destination *d = r->destination;
	int64_t after;

	if (!policy || !wanted || !policy->attempts || !r->kept)
		return false;
	if (!r->tries_left) {
		r->flags |= FLAG_URX;
		return false;
	}
	if (!r->retrying && !limit_take(&d->cluster->retries, d->table->max_retries)) {
		r->flags |= FLAG_UO;
		return false;
	}
	r->retrying = true;
	r->tries_left--;
	after = retry_backoff(c->worker, policy, r->attempts);
	tally_add(&r->tally->of_worker[c->worker->index].retries, 1);
	attempt_drop(c, false);
	request_set_state(r, REQUEST_BACKING_OFF);
	timer_set(&c->worker->timers, &r->try_timer, c->worker->now + after + 1);
	return true;
}

/* The server ended a connection that waited just when it was used: not the request's fault. */
static bool raced(const struct client *c, enum attempt_failure failure)
{
	static const char *const harmless[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
	const struct request *r = &c->request;

	if (failure != FAILED_CLOSED || !r->upstream || r->upstream->served < 2 || !r->kept)
		return false;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (http_text_is(r->asked.method, harmless[i]))
			return true;
	return false;
}

static void tell(struct client *c, enum attempt_failure failure, int error)
{
	char transport[96] = "";

	if (error && failure == FAILED_CONNECT)
		snprintf(transport, sizeof(transport), "delayed connect error: %s",
			 strerror(error));
	switch (failure) {
	case FAILED_CONNECT:
		reply_failed(c, FLAG_UF, "remote connection failure", transport);
		break;
	case FAILED_CONNECT_TIMEOUT:
		reply_failed(c, FLAG_UF, "connection timeout", "");
		break;
	case FAILED_CONNECT_HERE:
		reply_failed(c, FLAG_UF, "local connection failure", "");
		break;
	case FAILED_CLOSED:
		reply_failed(c, FLAG_UC, "connection termination", "");
		break;
	case FAILED_PROTOCOL:
		reply_failed(c, FLAG_UPE, "protocol error", "");
		break;
	case FAILED_TRY_TIMEOUT:
		reply_timeout(c, "upstream_per_try_timeout");
		break;
	}
}

void attempt_failed(struct client *c, enum attempt_failure failure, int error)
{
	struct request *r = &c->request;

	if (r->bytes) {
		r->flags |= FLAG_UF;
		outlier_failed(r->destination, r->endpoint, 503, c->worker->now);
		client_close(c);
		return;
	}
	if (raced(c, failure)) {
		attempt_drop(c, false);
		r->attempts--;
		attempt_begin(c);
		return;
	}
	outlier_failed(r->destination, r->endpoint, failure == FAILED_TRY_TIMEOUT ? 504 : 503,
		       c->worker->now);
	if (r->route && again(c, retry_wants_failure(retry_policy(r->route->rule), failure)))
		return;
	tell(c, failure, error);
}

bool attempt_answered(struct client *c)
{
	struct request *r = &c->request;
	const struct http1_head *answer = &r->upstream->parser.head;

	outlier_answered(r->destination, r->endpoint, answer->status, c->worker->now);
	return r->route && again(c, retry_wants_answer(retry_policy(r->route->rule), answer));
}
