// SPDX-License-Identifier: GPL-2.0
/* What `apply`, `delete` and `diff` ask of the agent. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/findings.h"
#include "agent/wire.h"

static void result_add(json_t *results, const struct object *o, const char *result)
{
	char *title = object_title(o);

	json_array_append_new(results, json_pack("{s:s,s:s,s:s,s:s}", "object", title, "id", o->id,
						 "namespace", o->namespace, "result", result));
	free(title);
}

/* Objects that are in force as they are need no plan. */
static json_t *edit_sort(struct agent *a, struct edit *c)
{
	json_t *results = json_array();
	size_t kept = 0;

	for (size_t i = 0; i < c->put.nr; i++) {
		struct object *o = c->put.at[i];
		const struct object *now = agent_object(a, o->kind, o->namespace, o->name);
		bool same = a->in_force && now && !strcmp(now->json, o->json);

		result_add(results, o, same ? "unchanged" : now ? "configured" : "created");
		if (same)
			vec_push(&c->unchanged, o);
		else
			c->put.at[kept++] = o;
	}
	c->put.nr = kept;
	return results;
}

/* Warned about once, repeated by `status` as long as the agent runs. */
static void not_enforced_note(struct agent *a, const struct diags *diags)
{
	const struct diag *it;

	vec_each(&diags->list, it)
	{
		if (it->level != DIAG_WARNING || !strstr(it->text, "not enforced"))
			continue;
		if (a->not_enforced.nr < 1000)
			free(strmap_put(&a->not_enforced, it->path ? it->path : it->text,
					xstrdup(it->text)));
	}
}

static json_t *reply_done(struct agent *a, struct edit *c, json_t *results)
{
	return json_pack("{s:b,s:I,s:o,s:o}", "ok", 1, "plan", (json_int_t)a->plan->number,
			 "results", results, "diags", diags_json(&c->diags));
}

json_t *command_apply(struct agent *a, const json_t *request)
{
	struct edit c;
	json_t *results = NULL, *reply = NULL;

	if (!edit_read(request, &c))
		edit_check_folder(a, &c, "change");
	if (c.diags.nr_errors) {
		reply = reply_refused(&c.diags, "nothing was applied");
	} else {
		results = edit_sort(a, &c);
		if (c.put.nr)
			reply = edit_apply(a, &c);
		if (!reply) {
			not_enforced_note(a, &c.diags);
			reply = reply_done(a, &c, json_incref(results));
		}
	}
	json_decref(results);
	edit_free(&c);
	return reply;
}

/* One {kind, namespace, name} to c->gone, or a result "not found". */
static int delete_named(struct agent *a, const json_t *named, struct edit *c, json_t *results)
{
	const char *word = request_text(named, "kind"), *name = request_text(named, "name");
	const char *namespace = request_text(named, "namespace");
	enum kind kind;
	struct object *o;

	if (!word || !name || kind_find(word, &kind))
		return -EINVAL;
	if (kinds[kind].cluster_wide)
		namespace = "";
	o = agent_object(a, kind, namespace ? namespace : "default", name);
	if (o) {
		vec_push(&c->gone, object_get(o));
		return 0;
	}
	json_array_append_new(results, json_pack("{s:o,s:s}", "object",
						 json_sprintf("%s/%s", word, name), "result",
						 "not found"));
	return 0;
}

static void delete_read(struct agent *a, struct edit *c, json_t *results)
{
	for (size_t i = 0; i < c->put.nr; i++) {
		struct object *o = c->put.at[i];
		struct object *now = agent_object(a, o->kind, o->namespace, o->name);

		if (now)
			vec_push(&c->gone, object_get(now));
		else
			result_add(results, o, "not found");
		object_put(o);
	}
	c->put.nr = 0;
}

json_t *command_delete(struct agent *a, const json_t *request)
{
	json_t *results = json_array(), *reply = NULL, *named;
	struct object **it;
	struct edit c;
	size_t i;
	int err = edit_read(request, &c);

	json_array_foreach(json_object_get(request, "objects"), i, named) {
		if (!err && delete_named(a, named, &c, results)) {
			const char *kind = request_text(named, "kind");

			err = -EINVAL;
			reply = reply_refused(&c.diags, "unknown kind \"%s\"", kind ? kind : "");
		}
	}
	delete_read(a, &c, results);
	edit_check_folder(a, &c, "delete");
	if (!reply && c.diags.nr_errors)
		reply = reply_refused(&c.diags, "nothing was deleted");
	if (!reply && c.gone.nr)
		reply = edit_apply(a, &c);
	if (!reply) {
		vec_each(&c.gone, it)
			result_add(results, *it, "deleted");
		reply = reply_done(a, &c, json_incref(results));
	}
	json_decref(results);
	edit_free(&c);
	return reply;
}

/* Both texts of each object that an apply would change. */
static json_t *diff_texts(struct agent *a, struct edit *c)
{
	json_t *list = json_array();
	struct object **it;

	vec_each(&c->put, it)
	{
		struct object *o = *it;
		const struct object *now = agent_object(a, o->kind, o->namespace, o->name);
		char *old = now ? object_yaml(now) : NULL, *new = object_yaml(o);

		json_array_append_new(list, json_pack("{s:s,s:o,s:s,s:i,s:o,s:o}", "id", o->id,
						      "place", json_text(o->place.file), "state",
						      now ? "configured" : "created", "line",
						      (int)o->place.line, "running",
						      json_text(old), "wanted", json_text(new)));
		free(old);
		free(new);
	}
	return list;
}

static int64_t open_connections(const struct plan_cluster *c, void *arg)
{
	struct cluster_reading r;
	struct agent *a = arg;
	int protocol = c->udp ? IPPROTO_UDP : IPPROTO_TCP;

	return datapath_cluster_find(a->dp, c->host, c->port, protocol, c->subset, &r) ? 0 : r.active;
}

/* Plans beside what is in force, with a copy of the addresses, and compares. */
static int diff_plan(struct agent *a, struct edit *c, json_t *reply)
{
	const struct plan_live live = {open_connections, a};
	struct addresses *addresses = addresses_new();
	struct config_set wanted = {0};
	struct plan *plan = NULL;
	struct object **it;
	char *text = addresses_print(a->addresses);
	size_t length;
	FILE *out;
	int err;

	addresses_read(addresses, text);
	free(text);
	config_set_copy(&wanted, &a->set);
	vec_each(&c->put, it)
		config_set_put(&wanted, object_get(*it));
	err = plan_build(&wanted, &a->set, a->plan, addresses, a->plan->number + 1, &c->diags,
			 &plan);
	if (!err) {
		out = open_memstream(&text, &length);
		plan_diff_print(a->plan, plan, &live, out);
		fclose(out);
		json_object_set_new(reply, "plan_text", json_text(text));
		json_object_set_new(reply, "plan", plan_diff_json(a->plan, plan, &live));
		free(text);
	}
	if (plan)
		plan_drop(plan, &wanted, a->plan, &a->set);
	config_set_free(&wanted);
	addresses_free(addresses);
	return err;
}

json_t *command_diff(struct agent *a, const json_t *request)
{
	struct edit c;
	json_t *reply = NULL;
	struct object **it;
	int err = edit_read(request, &c);

	if (!err) {
		json_decref(edit_sort(a, &c));
		reply = json_pack("{s:b,s:o}", "ok", 1, "objects", diff_texts(a, &c));
		vec_each(&c.put, it)
			findings_of_object(&c.diags, *it);
		err = diff_plan(a, &c, reply);
		json_object_set_new(reply, "diags", diags_json(&c.diags));
	}
	if (err) {
		json_decref(reply);
		reply = reply_refused(&c.diags, "cannot compare");
	}
	edit_free(&c);
	return reply;
}
