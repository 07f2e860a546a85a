// SPDX-License-Identifier: GPL-2.0
/* What `get`, `explain` and `hosts` ask of the agent. */
#include <stdio.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/counts.h"
#include "agent/health.h"
#include "agent/wire.h"

static int object_name_order(const void *a, const void *b)
{
	return strcmp((*(struct object *const *)a)->id, (*(struct object *const *)b)->id);
}

static void kind_add(struct agent *a, enum kind kind, const json_t *request, json_t *list)
{
	const char *namespace = request_text(request, "namespace");
	const char *name = request_text(request, "name");
	VEC(struct object *) found = {0};
	struct strmap_entry *e;
	struct object **it;

	strmap_each(&a->set.kinds[kind], e)
	{
		struct object *o = e->value;

		if (name && strcmp(o->name, name))
			continue;
		if (namespace && !kinds[kind].cluster_wide && strcmp(o->namespace, namespace))
			continue;
		vec_push(&found, o);
	}
	if (found.nr)
		qsort(found.at, found.nr, sizeof(*found.at), object_name_order);
	vec_each(&found, it)
	{
		char *yaml = object_yaml(*it);

		json_array_append_new(list,
				      json_pack("{s:s,s:s,s:s,s:o,s:o}", "id", (*it)->id,
						"namespace", (*it)->namespace, "yaml", yaml, "file",
						json_text((*it)->place.file), "object",
						object_shown(*it)));
		free(yaml);
	}
	vec_free(&found);
}

json_t *command_get(struct agent *a, const json_t *request)
{
	const char *word = request_text(request, "kind"), *name = request_text(request, "name");
	json_t *list = json_array();
	enum kind only = NR_KINDS;

	if ((!word && name) || (word && kind_find(word, &only))) {
		json_decref(list);
		return reply_refused(NULL, "unknown kind \"%s\"", word ? word : "");
	}
	for (int kind = 0; kind < NR_KINDS; kind++) {
		if (only == NR_KINDS || (int)only == kind)
			kind_add(a, (enum kind)kind, request, list);
	}
	if (name && !json_array_size(list)) {
		json_decref(list);
		return reply_refused(NULL, "%s %s is not in force", word, name);
	}
	return json_pack("{s:b,s:o}", "ok", 1, "objects", list);
}

/* The strings of a list; anything else in it is left out. */
static size_t texts_of(const json_t *list, const char ***out)
{
	const json_t *one;
	size_t i, nr = 0;

	*out = xcalloc(json_array_size(list) + 1, sizeof(**out));
	json_array_foreach(list, i, one)
		if (json_is_string(one))
			(*out)[nr++] = json_string_value(one);
	return nr;
}

static json_t *measured_one(struct agent *a, const char *source, const json_t *at)
{
	const struct requests_of of = {
		.rule = source,
		.host = request_text(at, "host") ?: "",
		.subset = request_text(at, "subset") ?: "",
		.port = (uint16_t)json_integer_value(json_object_get(at, "port")),
	};
	json_t *out = json_pack("{s:s,s:i,s:s}", "host", of.host, "port", (int)of.port, "subset",
				of.subset);
	struct requests counts;

	datapath_requests_find(a->dp, &of, &counts);
	json_object_update_new(out, requests_json(&counts));
	return out;
}

/* What the proxy counted of the rule that the request takes, at each destination. */
static void measured_add(struct agent *a, json_t *explained)
{
	json_t *decision = json_object_get(explained, "decision"), *list, *it;
	const json_t *from = json_object_get(decision, "from");
	const char *verdict = request_text(decision, "verdict");
	char *source;
	size_t i;

	if (!verdict || strcmp(verdict, "proxy") ||
	    !json_is_string(json_object_get(decision, "rule")))
		return;
	source = from && request_text(from, "object")
			 ? xasprintf("%s %s", request_text(from, "object"),
				     request_text(from, "field"))
			 : xstrdup("");
	list = json_array();
	json_array_foreach(json_object_get(decision, "destinations"), i, it)
		json_array_append_new(list, measured_one(a, source, it));
	json_object_set_new(decision, "measured", list);
	free(source);
}

/* Of what the kernel steers to: what it leaves out of it now. */
static void health_add(struct agent *a, json_t *explained)
{
	json_t *decision = json_object_get(explained, "decision");
	const json_t *route = json_object_get(json_object_get(explained, "port"), "route");
	const char *verdict = request_text(decision, "verdict");

	if (verdict && !strcmp(verdict, "kernel"))
		json_object_set_new(decision, "left_out",
				    health_of(a->dp, json_object_get(route, "destinations")));
}

json_t *command_explain(struct agent *a, const json_t *request)
{
	struct plan_question question = {.target = request_text(request, "target"),
					 .from = request_text(request, "from"),
					 .gateway = request_text(request, "gateway"),
					 .method = request_text(request, "method"),
					 .path = request_text(request, "path")};
	json_t *explained = NULL, *reply = NULL;
	const char **headers;
	char *why = NULL;

	if (!question.target)
		return reply_refused(NULL, "name what to explain");
	question.nr_headers = texts_of(json_object_get(request, "headers"), &headers);
	question.headers = headers;
	if (plan_explain(a->plan, &a->set, &question, &explained, &why))
		reply = reply_refused(NULL, "%s", why);
	else
		measured_add(a, explained);
	if (explained)
		health_add(a, explained);
	if (explained)
		reply = json_pack("{s:b,s:o}", "ok", 1, "explain", explained);
	free(headers);
	free(why);
	return reply;
}

json_t *command_hosts(struct agent *a, const json_t *request)
{
	const char *namespace = request_text(request, "namespace");
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	json_t *reply;

	plan_hosts_print(a->plan, namespace ? namespace : "default", out);
	fclose(out);
	reply = json_pack("{s:b,s:o}", "ok", 1, "text", json_text(text));
	free(text);
	return reply;
}
