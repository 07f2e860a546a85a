// SPDX-License-Identifier: GPL-2.0
/* `explain` and `hosts`: from the agent, or from files without one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/call.h"
#include "cli/cli.h"
#include "cli/offline.h"

static void explain_print(const json_t *e)
{
	const json_t *it;
	size_t i;

	json_array_foreach(json_object_get(e, "steps"), i, it)
	{
		const char *place = member_text(it, "place");

		printf("%2zu. %s\n", i + 1, member_text(it, "text"));
		if (*place)
			printf("    %s\n", place);
	}
}

/* What an agent's proxy has counted so far of the rule that was chosen. */
static void measured_print(const json_t *e)
{
	const json_t *list = json_object_get(json_object_get(e, "decision"), "measured"), *it;
	size_t i;

	if (!json_array_size(list))
		return;
	fputs("so far, by this rule: ", stdout);
	json_array_foreach(list, i, it) {
		const char *subset = member_text(it, "subset");

		printf("%s%lld to %s", i ? ", " : "", (long long)member_number(it, "requests"),
		       *subset ? subset : member_text(it, "host"));
	}
	puts("");
}

/* What an agent's kernel leaves out of the destinations now. */
static void left_out_print(const json_t *e)
{
	const json_t *it;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(e, "decision"), "left_out"), i, it) {
		const char *subset = member_text(it, "subset");

		printf("left out now: ");
		if (json_is_real(json_object_get(it, "guarded_since")))
			printf("%s, by its guard\n", *subset ? subset : member_text(it, "host"));
		else
			printf("%lld endpoints of %s\n", (long long)member_number(it, "ejected"),
			       *subset ? subset : member_text(it, "host"));
	}
}

static int explain_offline(const struct options *o, const struct plan_question *question,
			   json_t **out)
{
	struct offline off;
	char *why = NULL;
	int err = offline_read(&off, o, false);

	if (err) {
		offline_complain(&off);
	} else {
		err = plan_explain(off.plan, &off.set, question, out, &why);
		if (err)
			fprintf(stderr, "shunt explain: %s\n", why);
	}
	free(why);
	offline_free(&off);
	return err ? EXIT_REFUSED : 0;
}

static int explain_online(const struct options *o, const struct plan_question *question,
			  json_t **out)
{
	json_t *headers = json_array(), *request, *reply;
	int status;

	for (size_t i = 0; i < question->nr_headers; i++)
		json_array_append_new(headers, json_text(question->headers[i]));
	request =
		json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "command", "explain", "target",
			  json_text(question->target), "from", json_text(question->from), "gateway",
			  json_text(question->gateway), "method", json_text(question->method),
			  "path", json_text(question->path), "headers", headers);
	status = call_agent(o, "explain", request, &reply);
	if (status)
		return status;
	*out = json_incref(json_object_get(reply, "explain"));
	json_decref(reply);
	return 0;
}

int cli_explain(const struct options *o)
{
	struct plan_question question = {.target = o->rest[0],
					 .from = o->from ? o->from : o->namespace,
					 .gateway = o->gateway,
					 .method = o->nr_rest > 1 ? o->rest[1] : NULL,
					 .path = o->nr_rest > 2 ? o->rest[2] : NULL,
					 .headers = (const char *const *)o->headers.at,
					 .nr_headers = o->headers.nr};
	json_t *e = NULL;
	int status;

	if (question.method && !question.path && !strstr(question.target, "://"))
		return wrong_use("explain", "name the path that is asked for too");
	status = o->files.nr ? explain_offline(o, &question, &e) : explain_online(o, &question, &e);
	if (status)
		return status;
	if (o->json) {
		json_show(e);
		return 0;
	}
	explain_print(e);
	measured_print(e);
	left_out_print(e);
	json_decref(e);
	return 0;
}

static int hosts_offline(const struct options *o, const char *namespace)
{
	struct offline off;
	int err = offline_read(&off, o, false);

	if (err)
		offline_complain(&off);
	else
		plan_hosts_print(off.plan, namespace, stdout);
	offline_free(&off);
	return err ? EXIT_REFUSED : 0;
}

int cli_hosts(const struct options *o)
{
	char *namespace = options_caller(o);
	json_t *reply;
	int status;

	if (o->files.nr) {
		status = hosts_offline(o, namespace);
	} else {
		json_t *request =
			json_pack("{s:s,s:s}", "command", "hosts", "namespace", namespace);

		status = call_agent(o, "hosts", request, &reply);
		if (!status) {
			fputs(member_text(reply, "text"), stdout);
			json_decref(reply);
		}
	}
	free(namespace);
	return status;
}
