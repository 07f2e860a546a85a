// SPDX-License-Identifier: GPL-2.0
/* What becomes of a try without an answer, or with one that is worth another try. */
#include <stdio.h>
#include <string.h>
#include "proxy/attempt.h"
#include "proxy/outlier.h"
#include "proxy/reply.h"
#include "proxy/retry.h"

#define MILLION 1000000

/* Retries at one time; 0: none. */
static uint32_t retries_allowed(const struct destination *d)
{
	const struct table_retry_budget *b = d->table->retry_budget;
	uint64_t share;

	if (!b)
		return d->table->max_retries ? d->table->max_retries : UINT32_MAX;
	share = (uint64_t)atomic_load(&d->cluster->requests) * b->millionths / MILLION;
	return share > b->min_concurrency ? (uint32_t)share : b->min_concurrency;
}

static bool retrying_take(struct request *r)
{
	uint32_t most = r->retrying ? 0 : retries_allowed(r->destination);

	if (!r->retrying)
		r->retrying = most && limit_take(&r->destination->cluster->retries, most);
	return r->retrying;
}

/* Another try, if the policy, its count and the cluster's limit allow one. */
static bool again(struct client *c, bool wanted)
{
	struct request *r = &c->request;
	int64_t after;

	if (!wanted || !r->retry.attempts || !r->kept)
		return false;
	if (!r->tries_left) {
		r->flags |= FLAG_URX;
		return false;
	}
	if (!retrying_take(r)) {
		r->flags |= FLAG_UO;
		return false;
	}
	r->tries_left--;
	after = retry_backoff(c->worker, r->retry.policy, r->attempts);
	tally_retry(r->tally, c->worker->index);
	attempt_drop(c, false);
	r->sent = 0; /* nothing of the next try: what is kept stays */
	request_set_state(r, REQUEST_BACKING_OFF);
	timer_set(&c->worker->timers, &r->try_timer, c->worker->now + after + 1);
	return true;
}

/* The server ended a connection that waited just when it was used: not the request's fault. */
static bool raced(const struct client *c, enum attempt_failure failure)
{
	static const char *const harmless[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
	const struct request *r = &c->request;

	if ((failure != FAILED_CLOSED && failure != FAILED_RESET) || !r->upstream ||
	    r->upstream->served < 2 || !r->kept)
		return false;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (http_text_is(r->asked.method, harmless[i]))
			return true;
	return false;
}

static void tell(struct client *c, enum attempt_failure failure)
{
	char transport[96] = "";

	if (c->request.transport)
		snprintf(transport, sizeof(transport), "delayed connect error: %s",
			 strerror(c->request.transport));
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
	case FAILED_RESET:
		reply_failed(c, FLAG_UR, "remote reset", "");
		break;
	case FAILED_PROTOCOL:
		reply_failed(c, FLAG_UPE, "protocol error", "");
		break;
	case FAILED_TRY_TIMEOUT:
		reply_timeout(c, "upstream_per_try_timeout");
		break;
	}
}

void attempt_hangs(struct client *c)
{
	const struct request *r = &c->request;

	/* while it waits for a connection, or for its next try, no endpoint has it */
	if (r->state == REQUEST_CONNECTING || r->state == REQUEST_SENT)
		outlier_failed(r->destination, r->endpoint, 504, c->worker->now);
}

void attempt_failed(struct client *c, enum attempt_failure failure, int error)
{
	struct request *r = &c->request;

	r->transport = failure == FAILED_CONNECT ? error : 0;
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
	if (failure == FAILED_TRY_TIMEOUT)
		attempt_hangs(c);
	else
		outlier_failed(r->destination, r->endpoint, 503, c->worker->now);
	if (again(c, retry_wants_failure(&r->retry, failure, r->sent)))
		return;
	tell(c, failure);
}

bool attempt_answered(struct client *c)
{
	struct request *r = &c->request;
	const struct http1_head *answer = &r->upstream->parser.head;

	outlier_answered(r->destination, r->endpoint, answer->status, c->worker->now);
	return again(c, retry_wants_answer(&r->retry, answer));
}
