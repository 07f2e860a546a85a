// SPDX-License-Identifier: GPL-2.0
/* `apply`, `delete` and `get`: objects in and out of force. */
#include <stdio.h>
#include <string.h>
#include "cli/call.h"
#include "cli/cli.h"

/* One line an object, unless JSON shows them; true when one of them was not found. */
static bool results_print(const json_t *reply, const char *command, bool json)
{
	const json_t *it;
	bool missing = false;
	size_t i;

	json_array_foreach(json_object_get(reply, "results"), i, it) {
		const char *result = member_text(it, "result");

		if (strcmp(result, "not found")) {
			if (!json)
				printf("%s %s\n", member_text(it, "object"), result);
			continue;
		}
		fprintf(stderr, "shunt %s: %s not found\n", command, member_text(it, "object"));
		missing = true;
	}
	return missing;
}

static int results_show(const struct options *o, const char *command, json_t *request)
{
	json_t *reply;
	bool missing;
	int status = call_agent(o, command, request, &reply);

	if (status)
		return status;
	missing = results_print(reply, command, o->json);
	if (o->json)
		call_show(reply);
	else
		json_decref(reply);
	return missing ? EXIT_REFUSED : 0;
}

int cli_apply(const struct options *o)
{
	json_t *request;
	int status;

	if (!o->files.nr)
		return wrong_use("apply", "name what to apply with -f");
	status = call_request_files(o, "apply", &request);
	return status ? status : results_show(o, "apply", request);
}

int cli_delete(const struct options *o)
{
	json_t *request, *objects;
	int status;

	if (!o->files.nr && o->nr_rest < 2)
		return wrong_use("delete", "name what to delete: -f FILE, or KIND NAME");
	if (o->files.nr && o->nr_rest)
		return wrong_use("delete", "name either files or a kind, not both");
	status = call_request_files(o, "delete", &request);
	if (status)
		return status;
	objects = json_array();
	for (size_t i = 1; i < o->nr_rest; i++) {
		json_t *named = json_pack("{s:s,s:s}", "kind", o->rest[0], "name", o->rest[i]);

		if (o->namespace)
			json_object_set_new(named, "namespace", json_text(o->namespace));
		json_array_append_new(objects, named);
	}
	json_object_set_new(request, "objects", objects);
	return results_show(o, "delete", request);
}

int cli_get(const struct options *o)
{
	json_t *request = call_request(o, "get"), *reply;
	const json_t *it;
	size_t i;
	int status;

	if (o->nr_rest > 0)
		json_object_set_new(request, "kind", json_text(o->rest[0]));
	if (o->nr_rest > 1)
		json_object_set_new(request, "name", json_text(o->rest[1]));
	status = call_agent(o, "get", request, &reply);
	if (status)
		return status;
	if (o->json) {
		call_show(reply);
		return 0;
	}
	json_array_foreach(json_object_get(reply, "objects"), i, it) {
		const char *yaml = member_text(it, "yaml");
		size_t length = strlen(yaml);

		printf("%s%s%s", i ? "---\n" : "", yaml,
		       length && yaml[length - 1] == '\n' ? "" : "\n");
	}
	json_decref(reply);
	return 0;
}
