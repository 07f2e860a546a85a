// SPDX-License-Identifier: GPL-2.0
/*
 * Answers to whoever asks the agent: on the admin socket, and for metrics. What the proxies have to say
 * first is waited for without standing still.
 */
#include <stdlib.h>
#include <string.h>
#include "agent/agent.h"
#include "telemetry/prometheus.h"
#include "telemetry/scrape.h"

static void request_reply(struct agent *a, struct admin_client *c, const json_t *request)
{
	const char *command = request_text(request, "command");
	json_t *reply = command_run(a, request);

	if (command && !strcmp(command, "events") &&
	    json_is_true(json_object_get(request, "follow")))
		admin_follow(c, reply);
	else
		admin_reply(c, reply);
}

/* A request that waits for what the proxies say. */
struct parked {
	uint64_t client;
	json_t *request;
};

static void request_resume(struct agent *a, const struct answers *answers, void *arg)
{
	struct parked *p = arg;
	struct admin_client *c = admin_client_find(a->admin, p->client);

	a->said = answers->list;
	if (c)
		request_reply(a, c, p->request);
	a->said = NULL;
	json_decref(p->request);
	free(p);
}

void request_run(struct admin_client *c, json_t *request, void *arg)
{
	struct agent *a = arg;
	int asks = command_asks(request);
	struct parked *p = xcalloc(1, sizeof(*p));

	*p = (struct parked){admin_client_id(c), request};
	if (asks >= 0 && asks_begin(a, (enum control_stats)asks, request_resume, p))
		return;
	request_reply(a, c, request);
	json_decref(request);
	free(p);
}

static void metrics_told(struct agent *a, const struct answers *answers, void *arg)
{
	(void)arg;
	a->said = answers->list;
	scrape_answer(a->scrape);
	a->said = NULL;
}

bool metrics_ask(void *arg)
{
	return asks_begin(arg, STATS_COUNTS, metrics_told, NULL);
}

void metrics_print(FILE *out, void *arg)
{
	struct agent *a = arg;
	const struct prometheus_facts facts = {
		.dp = a->dp,
		.plan = a->plan,
		.nr_objects = config_set_count(&a->set),
		.nr_rejected = a->rejected.nr_errors,
		.nr_callers = callers_known(a),
		.proxy_serves = agent_proxy_serves(a),
		.proxy_restarts = a->proxy.restarts,
		.said = a->said,
	};

	prometheus_print(&facts, out);
}
