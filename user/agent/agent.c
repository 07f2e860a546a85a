// SPDX-License-Identifier: GPL-2.0
/* Reconciling: what the sources say becomes a plan, and the plan becomes what the kernel does. */
#include "agent/agent.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "agent/findings.h"
#include "agent/slots.h"
#include "agent/wire.h"
#include "base/log.h"

int agent_put_in_force(struct agent *a, struct config_set *wanted, struct diags *diags,
		       const struct edit *edit, struct diags *found)
{
	struct plan *plan = NULL;
	int err;

	err = plan_build(wanted, &a->set, a->plan, a->addresses, ++a->last_plan, diags, &plan);
	if (!err && edit) {
		findings_of_change(found, edit->put.at, edit->put.nr, a->plan, plan);
		err = found->nr_errors ? -EINVAL : 0;
	}
	if (!err)
		err = datapath_sync(a->dp, plan, diags);
	if (err) {
		plan_free(plan);
		return err;
	}
	a->in_force = true;
	agent_proxy_settle(a);
	node_settle(a);
	drains_follow(a, a->plan, plan);
	plan_free(a->plan);
	config_set_free(&a->set);
	a->plan = plan;
	a->set = *wanted;
	*wanted = (struct config_set){0};
	if (addresses_changed(a->addresses)) {
		err = state_write_addresses(&a->state, a->addresses);
		if (err)
			log_error("%s/addresses: %s", a->state.dir, strerror(-err));
	}
	callers_follow(a);
	loop_timer_set(a->reclaim, 1000, 0);
	loop_timer_set(a->sync, 1, 0);
	loop_timer_set(a->tidy, SLOTS_TIDY_MS, 0);
	log_debug("plan %" PRIu32 " in force", plan->number);
	return 0;
}

/* Applied objects that the folder now holds as well give way to it. */
static void state_fold(struct agent *a, struct config_set *into, struct diags *diags)
{
	struct strmap_entry *e;
	const struct diag *it;

	strmap_each(&a->state.objects, e)
	{
		struct object *o = e->value;
		struct object *first = config_set_get(into, o->kind, o->namespace, o->name);

		if (!first)
			config_set_put(into, object_get(o));
		else
			diag_add(diags, DIAG_WARNING, &first->place, o->id,
				 "was applied before it stood in the folder; the folder's counts");
	}
	vec_each(&a->state.rejected.list, it)
		diag_add(diags, it->level, &it->place, it->path, "%s", it->text);
}

static void sources_fold(struct agent *a, struct config_set *into, struct diags *diags)
{
	into->node = a->options->node;
	into->split_requests = a->options->split_requests;
	files_fold(&a->files, into, diags);
	state_fold(a, into, diags);
}

void agent_base(struct agent *a, struct config_set *into)
{
	struct diags told = {0}; /* in a->rejected already */

	if (a->in_force)
		config_set_copy(into, &a->set);
	else
		sources_fold(a, into, &told);
	diags_free(&told);
}

struct object *agent_object(struct agent *a, enum kind kind, const char *namespace,
			    const char *name)
{
	struct config_set base = {0};
	struct object *o;

	if (a->in_force)
		return config_set_get(&a->set, kind, namespace, name);
	agent_base(a, &base);
	o = config_set_get(&base, kind, namespace, name);
	config_set_free(&base); /* the sources still hold it */
	return o;
}

void agent_reconcile(struct agent *a)
{
	struct config_set wanted = {0};
	int err;

	diags_free(&a->rejected);
	diags_free(&a->refused);
	files_diags(&a->files, &a->rejected);
	sources_fold(a, &wanted, &a->rejected);
	err = agent_put_in_force(a, &wanted, &a->refused, NULL, NULL);
	a->waiting = err != 0;
	if (err) {
		if (!a->refused.nr_errors)
			diag_add(&a->refused, DIAG_ERROR, NULL, NULL, "the kernel refused: %s",
				 strerror(-err));
		log_error("the plan of the sources was refused, the last good one stays:");
		diags_print(&a->refused, stderr);
	}
	if (a->rejected.nr_errors) {
		log_error("faults in the sources (see shunt status): %zu", a->rejected.nr_errors);
		diags_print(&a->rejected, stderr);
	}
	config_set_free(&wanted);
}

static const struct {
	const char *name;
	json_t *(*run)(struct agent *a, const json_t *request);
	int asks; /* enum control_stats that it wants of the proxy; -1: none */
} table[] = {
	{"apply", command_apply, -1},
	{"delete", command_delete, -1},
	{"diff", command_diff, -1},
	{"shift", command_shift, -1},
	{"drain", command_drain, -1},
	{"get", command_get, -1},
	{"explain", command_explain, -1},
	{"hosts", command_hosts, -1},
	{"events", command_events, -1},
	{"services", command_services, -1},
	{"top", command_top, -1},
	{"status", command_status, STATS_COUNTS},
	{"clusters", command_clusters, STATS_COUNTS},
	{"endpoints", command_endpoints, STATS_COUNTS},
	{"conns", command_conns, STATS_CLIENTS},
};

const char *request_text(const json_t *request, const char *key)
{
	return json_string_value(json_object_get(request, key));
}

json_t *reply_refused(struct diags *diags, const char *format, ...)
{
	json_t *reply;
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	reply = json_pack("{s:b,s:o}", "ok", 0, "error", json_text(text));
	free(text);
	if (diags) {
		json_object_set_new(reply, "diags", diags_json(diags));
		diags_free(diags);
	}
	return reply;
}

int command_asks(const json_t *request)
{
	const char *name = request_text(request, "command");

	for (size_t i = 0; name && i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].name, name))
			return table[i].asks;
	return -1;
}

json_t *command_run(struct agent *a, const json_t *request)
{
	const char *name = request_text(request, "command");

	for (size_t i = 0; name && i < sizeof(table) / sizeof(table[0]); i++) {
		if (!strcmp(table[i].name, name))
			return table[i].run(a, request);
	}
	return reply_refused(NULL, "unknown command \"%s\"", name ? name : "");
}
