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

#define MILLION 1000000

static bool rolls(struct worker *w, uint32_t millionths)
{
	return millionths && worker_random(w) % MILLION < millionths;
}

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
	reply(c, 200, "", 0, false);
}

/* True: the request ends here. */
static bool aborted(struct client *c)
{
	const struct http_fault *f = c->request.route->rule->fault;

	if (!f || !f->abort || !rolls(c->worker, f->abort->millionths))
		return false;
	c->request.flags |= FLAG_FI;
	c->request.details = "fault_filter_abort";
	if (*f->abort->grpc_status)
		grpc_abort(c, f->abort->grpc_status);
	else
		reply_text(c, f->abort->status, "fault filter abort");
	return true;
}

static void cluster_missing(struct client *c)
{
	c->request.flags |= FLAG_NC;
	c->request.details = "cluster_not_found";
	reply_text(c, 503, "");
}

/* "15", in milliseconds; what is no number counts as not given. */
static void header_ms(const struct client *c, const char *name, int64_t *ns)
{
	struct http_text t = head_header(c, name);
	int64_t ms = 0;

	for (size_t i = 0; i < t.length; i++) {
		if (t.at[i] < '0' || t.at[i] > '9' || i == 9)
			return;
		ms = ms * 10 + (t.at[i] - '0');
	}
	if (t.length)
		*ns = ms * 1000000;
}

static void timeouts_set(struct client *c)
{
	struct request *r = &c->request;
	const struct table_rule *rule = r->route->rule;
	const struct http_retries *policy = retry_policy(rule);

	r->tries_left = policy->attempts;
	r->timeout = rule->timeout;
	r->per_try_timeout = policy->per_try_timeout;
	header_ms(c, "x-envoy-upstream-rq-timeout-ms", &r->timeout);
	header_ms(c, "x-envoy-upstream-rq-per-try-timeout-ms", &r->per_try_timeout);
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
	if (!delay || !rolls(c->worker, delay->millionths)) {
		act(c);
		return;
	}
	r->flags |= FLAG_DI;
	request_set_state(r, REQUEST_DELAYED);
	timer_set(&c->worker->timers, &r->try_timer, c->worker->now + delay->delay);
}
