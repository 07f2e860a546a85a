// SPDX-License-Identifier: GPL-2.0
/* What `status` tells: what runs, what was refused, and what is given but not in force. */
#include <string.h>
#include <unistd.h>
#include "agent/agent.h"
#include "agent/findings.h"
#include "agent/health.h"
#include "agent/wire.h"

static json_t *place_json(const struct place *p)
{
	return p->file ? json_sprintf("%s:%u:%u", p->file, p->line, p->column) : json_null();
}

/* The faults of the sources; `kept`: an older version of the object is in force. */
static json_t *rejected_json(struct agent *a)
{
	json_t *list = json_array();
	struct strmap in_force = {0};
	struct strmap_entry *e;
	const struct diag *it;

	for (int kind = 0; kind < NR_KINDS && a->rejected.nr_errors; kind++) {
		strmap_each(&a->set.kinds[kind], e)
			strmap_put(&in_force, ((struct object *)e->value)->id, e->value);
	}
	vec_each(&a->rejected.list, it)
	{
		char *id;

		if (it->level != DIAG_ERROR)
			continue;
		id = diag_object(it);
		json_array_append_new(
			list, json_pack("{s:o,s:o,s:o,s:o,s:b}", "object", json_text(id), "place",
					place_json(&it->place), "path", json_text(it->path),
					"error", json_text(it->text), "kept",
					id && strmap_get(&in_force, id)));
		free(id);
	}
	strmap_free(&in_force);
	return list;
}

/* Fields that an object gives and that Shunt does not do yet. */
static json_t *not_in_force_json(struct agent *a)
{
	json_t *list = json_array();
	struct strmap_entry *e;

	for (int kind = 0; kind < NR_KINDS; kind++) {
		strmap_each(&a->set.kinds[kind], e) {
			const struct object *o = e->value;

			for (size_t i = 0; i < o->nr_later; i++)
				json_array_append_new(
					list, json_pack("{s:s,s:s,s:o}", "object", o->id, "field",
							o->later[i].path, "place",
							place_json(&o->later[i].place)));
		}
	}
	return list;
}

static json_t *warnings_json(struct agent *a)
{
	struct diags all = {0};
	const struct diag *it;
	json_t *list = json_array();

	findings_of_plan(&all, a->plan);
	vec_each(&a->rejected.list, it)
		diag_add(&all, it->level, &it->place, it->path, "%s", it->text);
	vec_each(&all.list, it)
	{
		if (it->level == DIAG_WARNING && !strstr(it->text, "not enforced"))
			json_array_append_new(list, json_pack("{s:o,s:o,s:o}", "place",
							      place_json(&it->place), "path",
							      json_text(it->path), "text",
							      json_text(it->text)));
	}
	diags_free(&all);
	return list;
}

static json_t *not_enforced_json(struct agent *a)
{
	json_t *list = json_array();
	struct strmap_entry *e;
	const struct diag *it;

	vec_each(&a->rejected.list, it)
	{
		if (it->level == DIAG_WARNING && strstr(it->text, "not enforced"))
			json_array_append_new(list, json_pack("{s:o,s:o}", "object",
							      json_text(it->path), "text",
							      json_text(it->text)));
	}
	strmap_each(&a->not_enforced, e)
		json_array_append_new(list, json_pack("{s:o,s:o}", "object", json_text(e->key),
						      "text", json_text(e->value)));
	return list;
}

/* As everyone sees them; a host that everyone does not see counts as the first who do see it. */
static void count_routes(const struct plan *plan, json_int_t *services, json_int_t *splits)
{
	struct strmap_entry *e;

	*services = *splits = 0;
	strmap_each(&plan->hosts, e)
	{
		const struct plan_host *host = e->value;
		const struct plan_view *only =
			host->visible || !host->nr_views ? NULL : &host->views[0];
		const struct plan_port *ports = only ? only->ports : host->ports;
		size_t nr = only ? only->nr_ports : host->nr_ports;

		*services += (json_int_t)nr;
		for (size_t p = 0; p < nr; p++)
			*splits += ports[p].route.nr_splits > 1;
	}
}

static json_t *objects_json(struct agent *a)
{
	json_t *map = json_object();

	for (int kind = 0; kind < NR_KINDS; kind++)
		json_object_set_new(map, kinds[kind].name,
				    json_integer((json_int_t)a->set.kinds[kind].nr));
	return map;
}

json_t *counters_json(const struct counters *c)
{
	json_t *map = json_object();

#define X(name, text) json_object_set_new(map, #name, json_integer((json_int_t)c->name));
	SHUNT_COUNTERS(X)
#undef X
	return map;
}

json_t *datapath_json(struct datapath *dp)
{
	struct datapath_status st = {0};
	struct counters counters = {0};
	json_t *notes = json_array(), *map;

	datapath_status(dp, &st);
	datapath_counters(dp, &counters);
	for (size_t i = 0; i < 8 && st.notes[i]; i++)
		json_array_append_new(notes, json_text(st.notes[i]));
	map = json_pack("{s:s,s:i,s:s,s:I,s:I,s:I,s:I,s:o,s:o}", "kernel", st.kernel, "programs",
			(int)st.nr_programs, "cgroup", st.cgroup, "kernel_plan",
			(json_int_t)st.plan, "leaked", (json_int_t)st.leaked, "audits",
			(json_int_t)st.audits, "older_sockets", (json_int_t)st.older, "notes",
			notes, "counters", counters_json(&counters));
	return map;
}

static void requests_count(const struct requests_reading *r, void *total)
{
	*(json_int_t *)total += (json_int_t)r->counts.requests;
}

/* Why there is none. */
static const char *proxy_off(const struct agent *a)
{
	if (a->options->no_proxy)
		return "the agent runs with --proxy off";
	return a->proxy.wanted ? "" : "no service needs it";
}

static json_t *proxy_json(struct agent *a)
{
	static const char *const sums[] = {"connections", "memory_bytes", "memory_limit_bytes",
					   "log_lines_lost"};
	json_t *out = agent_proxy_json(a), *it;
	json_int_t requests = 0;
	size_t i;

	datapath_requests_each(a->dp, requests_count, &requests);
	json_object_set_new(out, "off_because", json_string(proxy_off(a)));
	json_object_set_new(out, "requests", json_integer(requests));
	json_object_set_new(out, "answers", json_boolean(json_array_size(a->said)));
	json_object_set(out, "workers",
			json_object_get(json_array_get(a->said, 0), "workers"));
	for (size_t s = 0; s < sizeof(sums) / sizeof(sums[0]); s++) {
		json_int_t sum = 0;

		json_array_foreach(a->said, i, it)
			sum += json_integer_value(json_object_get(it, sums[s]));
		json_object_set_new(out, sums[s], json_integer(sum));
	}
	return out;
}

json_t *command_status(struct agent *a, const json_t *request)
{
	json_int_t services, splits;
	struct timespec now;
	json_t *reply;

	(void)request;
	clock_gettime(CLOCK_MONOTONIC, &now);
	count_routes(a->plan, &services, &splits);
	reply = json_pack("{s:b,s:s,s:i,s:I,s:s,s:s,s:I,s:s,s:s,s:o,s:I,s:I,s:I}", "ok", 1, "agent",
			  "running", "pid", (int)getpid(), "uptime_seconds",
			  (json_int_t)(now.tv_sec - a->started.tv_sec), "version", SHUNT_VERSION,
			  "root", a->options->root, "plan", (json_int_t)a->plan->number, "config",
			  a->files.dir, "state", a->state.dir, "objects", objects_json(a), "hosts",
			  (json_int_t)a->plan->hosts.nr, "services", services, "split_routes",
			  splits);
	json_object_update_new(reply, datapath_json(a->dp));
	json_object_set_new(reply, "proxy", proxy_json(a));
	json_object_set_new(reply, "scopes", callers_json(a));
	json_object_set_new(reply, "drains", drains_json(a));
	json_object_set_new(reply, "guarded", health_guarded(a->dp));
	json_object_set_new(reply, "outside", node_json(a));
	json_object_set_new(reply, "captured", capture_json(a));
	json_object_set_new(reply, "waiting", json_boolean(a->waiting));
	json_object_set_new(reply, "refused", diags_json(&a->refused));
	json_object_set_new(reply, "rejected", rejected_json(a));
	json_object_set_new(reply, "not_in_force", not_in_force_json(a));
	json_object_set_new(reply, "not_enforced", not_enforced_json(a));
	json_object_set_new(reply, "warnings", warnings_json(a));
	return reply;
}
