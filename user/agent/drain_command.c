// SPDX-License-Identifier: GPL-2.0
/* What `drain` asks of the agent: connections that are too many where they are leave, and how far
 * that has come. */
#include <netinet/in.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/wire.h"
#include "datapath/clock.h"

/* ---- how far ---- */

static json_t *target_json(const struct drain_job *j, const struct drain_target *t)
{
	return json_pack("{s:s,s:i,s:s,s:s,s:I,s:I,s:I}", "host", j->host, "port", (int)j->port,
			 "protocol", j->protocol == IPPROTO_UDP ? "udp" : "tcp", "subset",
			 t->subset, "connections", (json_int_t)t->live, "moved",
			 (json_int_t)t->moved, "left", (json_int_t)t->surplus);
}

static void job_json(const struct drain_job *j, json_t *list)
{
	for (size_t r = 0; r < j->routes.nr; r++)
		for (size_t i = 0; i < j->routes.at[r].targets.nr; i++)
			json_array_append_new(
				list, target_json(j, &j->routes.at[r].targets.at[i]));
}

json_t *drains_json(const struct agent *a)
{
	json_t *list = json_array();
	uint64_t now = now_ns();

	for (size_t i = 0; i < a->drains.list.nr; i++) {
		const struct drain_job *j = a->drains.list.at[i];
		uint64_t end = j->ended ? j->ended : now;
		json_t *to = json_array();

		job_json(j, to);
		json_array_append_new(
			list, json_pack("{s:s,s:i,s:b,s:I,s:I,s:f,s:o}", "host", j->host, "port",
					(int)j->port, "moving", j->ended == 0, "moved",
					(json_int_t)drain_job_moved(j), "left",
					(json_int_t)drain_job_surplus(j), "seconds",
					(double)(end - j->began) / 1e9, "destinations", to));
	}
	return list;
}

static json_t *progress(const struct agent *a, uint64_t id)
{
	json_int_t moved = 0, left = 0;
	json_t *to = json_array();
	bool moving = false;

	for (size_t i = 0; i < a->drains.list.nr; i++) {
		const struct drain_job *j = a->drains.list.at[i];

		if (j->id != id)
			continue;
		moving |= !j->ended;
		moved += (json_int_t)drain_job_moved(j);
		left += (json_int_t)drain_job_surplus(j);
		job_json(j, to);
	}
	return json_pack("{s:b,s:I,s:b,s:I,s:I,s:o}", "ok", 1, "id", (json_int_t)id, "moving",
			 moving, "moved", moved, "left", left, "destinations", to);
}

/* ---- asking ---- */

struct asked {
	const struct plan_host *host;
	const char *subset; /* NULL: all */
	bool given;	    /* how, else as the port's annotation says */
	enum drain how;
	int64_t within;
	uint64_t id;
	size_t nr; /* jobs */
};

#define WITHIN_NS 10000000000LL /* when neither the command nor an annotation says */

/* Of weight 0 it is not in the plan, and may have connections nevertheless. */
static bool port_has(struct agent *a, const struct plan_host *host, const struct plan_port *p,
		     const char *subset)
{
	struct cluster_reading r;

	for (size_t i = 0; i < p->route.nr_splits; i++)
		if (!subset || !strcmp(p->route.splits[i].cluster->subset, subset))
			return true;
	return subset && !datapath_cluster_find(a->dp, host->host, p->port, drain_protocol(p),
						subset, &r);
}

static void ask_port(struct agent *a, struct asked *q, const struct plan_port *p,
		     const struct drain_caller *caller)
{
	struct drain_job *j;
	enum drain how = q->given ? q->how : p->drain.how;
	int64_t within = q->given ? q->within : p->drain.within;

	if (!port_has(a, q->host, p, q->subset))
		return;
	j = drain_job_make(a, q->host, NULL, p, NULL, caller);
	j->id = q->id;
	j->weighs = j->anywhere = true;
	j->subset = q->subset ? xstrdup(q->subset) : NULL;
	drains_begin(a, j, how == DRAIN_KEEP ? DRAIN_WITHIN : how,
		     how == DRAIN_KEEP ? WITHIN_NS : within);
	q->nr++;
}

static void ask_host(struct agent *a, struct asked *q)
{
	struct drain_caller caller;

	for (size_t i = 0; i < q->host->nr_ports; i++)
		ask_port(a, q, &q->host->ports[i], &drain_everyone);
	for (size_t v = 0; v < q->host->nr_views; v++) {
		const struct plan_view *view = &q->host->views[v];

		drain_caller_of(a, view, &caller);
		for (size_t i = 0; i < view->nr_ports; i++)
			ask_port(a, q, &view->ports[i], &caller);
	}
}

/* {"host", "namespace", "subset", "now": true or "within_ms"}, or {"id"} of one under way. */
json_t *command_drain(struct agent *a, const json_t *request)
{
	const char *namespace = request_text(request, "namespace");
	const char *name = request_text(request, "host");
	const json_t *within = json_object_get(request, "within_ms");
	bool now = json_is_true(json_object_get(request, "now"));
	struct asked q = {.subset = request_text(request, "subset"),
			  .given = now || within,
			  .how = now ? DRAIN_NOW : DRAIN_WITHIN,
			  .within = json_integer_value(within) * 1000000};

	if (!name)
		return progress(a, (uint64_t)json_integer_value(json_object_get(request, "id")));
	q.host = plan_host_named(a->plan, &a->set, name, namespace ? namespace : "default");
	if (!q.host)
		return reply_refused(NULL, "no service %s", name);
	q.id = ++a->drains.ids;
	ask_host(a, &q);
	if (!q.nr)
		return reply_refused(NULL, "the kernel sends no connections of %s to %s%s",
				     q.host->host, q.subset ? "subset " : "an endpoint",
				     q.subset ? q.subset : "");
	drains_step(a);
	return progress(a, q.id);
}
