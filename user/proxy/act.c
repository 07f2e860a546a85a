// SPDX-License-Identifier: GPL-2.0
/* Does what a rule says: faults, redirects, answers of its own, or an upstream. */
#include "proxy/act.h"
#include <stdlib.h>
#include <string.h>
#include "proxy/attempt.h"
#include "proxy/cors.h"
#include "proxy/head.h"
#include "proxy/reply.h"
#include "proxy/retry.h"

#define ABORTED "fault filter abort"

static void redirect(struct client *c, const struct http_redirect *d)
{
	const struct http_listener listener = {c->port, false};
	char *location = http_redirect_location(d, c->request.taken, &c->request.asked, &listener);

	reply_headers(c);
	head_add(c, "location", http_text(location));
	c->request.details = "direct_response";
	reply(c, d->code, "", 0, true);
	free(location);
}

static void direct_response(struct client *c, const struct http_response *d)
{
	reply_headers(c);
	c->request.details = "direct_response";
	reply(c, d->status, d->body, d->body_length, true);
}

static void grpc_abort(struct client *c, const char *word)
{
	static const char *const words[] = {
		"OK",
		"CANCELLED",
		"UNKNOWN",
		"INVALID_ARGUMENT",
		"DEADLINE_EXCEEDED",
		"NOT_FOUND",
		"ALREADY_EXISTS",
		"PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED",
		"FAILED_PRECONDITION",
		"ABORTED",
		"OUT_OF_RANGE",
		"UNIMPLEMENTED",
		"INTERNAL",
		"UNAVAILABLE",
		"DATA_LOSS",
		"UNAUTHENTICATED",
	};
	unsigned status = 2;

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i], word))
			status = i;
	reply_headers(c);
	head_add(c, "content-type", http_text("application/grpc"));
	head_add_printed(c, "grpc-status", "%u", status);
	head_add(c, "grpc-message", http_text(ABORTED));
	reply(c, 200, "", 0, false);
}

/* True: the request ends here. An abort that names no status is none. */
static bool aborted(struct client *c)
{
	const struct http_fault *f = c->request.route->rule->fault;

	if (!f || !f->abort || (!f->abort->status && !*f->abort->grpc_status) ||
	    !worker_rolls(c->worker, f->abort->millionths))
		return false;
	c->request.flags |= FLAG_FI;
	c->request.details = "fault_filter_abort";
	if (*f->abort->grpc_status)
		grpc_abort(c, f->abort->grpc_status);
	else
		reply_text(c, f->abort->status, ABORTED);
	return true;
}

static void cluster_missing(struct client *c)
{
	c->request.flags |= FLAG_NC;
	c->request.details = "cluster_not_found";
	reply_text(c, 503, "");
}

static int64_t control_ms(const struct request *r, enum control which, int64_t otherwise)
{
	uint32_t ms;

	if (!control_number(control_value(&r->controls, &r->asked, which), &ms))
		return otherwise;
	return ms * INT64_C(1000000);
}

/* That of the rule; a gRPC call may want less, or some where the rule has none. */
static int64_t timeout_of(const struct client *c)
{
	const struct request *r = &c->request;
	int64_t most = r->route->rule->timeout, asked;

	if (!control_seen(&r->controls, CONTROL_GRPC_TIMEOUT) || !head_is_grpc(c) ||
	    !control_grpc_timeout(control_value(&r->controls, &r->asked, CONTROL_GRPC_TIMEOUT),
				  &asked))
		return most;
	return asked && (!most || asked < most) ? asked : most;
}

static void timeouts_set(struct client *c)
{
	struct request *r = &c->request;

	retry_set(&r->retry, retry_policy(r->route->rule), &r->controls, &r->asked);
	r->tries_left = r->retry.attempts;
	r->keeps = retry_keeps(&r->retry, head_is_grpc(c));
	r->timeout = control_ms(r, CONTROL_TIMEOUT, timeout_of(c));
	r->per_try_timeout =
		control_ms(r, CONTROL_TRY_TIMEOUT, r->retry.policy->per_try_timeout);
	if (r->timeout && r->per_try_timeout >= r->timeout)
		r->per_try_timeout = 0;
}

/* To an upstream, with what the route changes. */
static void forward(struct client *c)
{
	struct request *r = &c->request;
	const struct table_rule *rule = r->route->rule;
	const struct destination *d = r->destination;

	if (!d || *d->table->unknown) {
		cluster_missing(c);
		return;
	}
	if (d->table->needs_tls) {
		reply_failed(c, FLAG_UF, "local connection failure", "TLS is not spoken upstream");
		return;
	}
	if (!limit_take(&d->cluster->requests, d->table->max_requests)) {
		reply_overflow(c);
		return;
	}
	r->counted = true;
	if (r->timeout && r->whole)
		timer_set(&c->worker->timers, &r->timer, c->worker->now + r->timeout);
	if (rule->rewrite)
		r->path = http_rewrite_path(rule->rewrite, r->taken, &r->asked, &r->view->regexes);
	attempt_begin(c);
}

/* After a delay of the rule's, or without one. */
void act(struct client *c)
{
	const struct table_rule *rule = c->request.route->rule;

	if (aborted(c))
		return;
	if (rule->redirect)
		redirect(c, rule->redirect);
	else if (rule->direct_response)
		direct_response(c, rule->direct_response);
	else if (!cors_preflight(c))
		forward(c);
}

void act_begin(struct client *c)
{
	struct request *r = &c->request;
	const struct http_delay *delay;

	timeouts_set(c);
	delay = r->route->rule->fault ? r->route->rule->fault->delay : NULL;
	if (!delay || !worker_rolls(c->worker, delay->millionths)) {
		act(c);
		return;
	}
	r->flags |= FLAG_DI;
	request_set_state(r, REQUEST_DELAYED);
	timer_set(&c->worker->timers, &r->try_timer, c->worker->now + delay->delay);
}
