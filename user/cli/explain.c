// SPDX-License-Identifier: GPL-2.0
/* `explain` and `hosts`: from the agent, or from files without one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cli/call.h"
#include "cli/cli.h"
#include "cli/offline.h"

static void explain_print(const json_t *e)
{
	const json_t *it;
	size_t i;

	json_array_foreach(json_object_get(e, "steps"), i, it) {
		const char *place = member_text(it, "place");

		printf("%2zu. %s\n", i + 1, member_text(it, "text"));
		if (*place)
			printf("    %s\n", place);
	}
}

static int explain_offline(const struct options *o, const char *namespace, json_t **out)
{
	struct offline off;
	int err = offline_read(&off, o, false);

	if (err) {
		offline_complain(&off);
	} else {
		err = plan_explain(off.plan, &off.set, o->rest[0], namespace, out);
		if (err == -ENOENT)
			fprintf(stderr, "shunt explain: %s: no service has this name: it passes "
				"untouched\n", o->rest[0]);
		else if (err)
			fprintf(stderr, "shunt explain: %s: want HOST[:PORT] or a URL\n", o->rest[0]);
	}
	offline_free(&off);
	return err ? EXIT_REFUSED : 0;
}

static int explain_online(const struct options *o, const char *namespace, json_t **out)
{
	json_t *request = json_pack("{s:s,s:s,s:s}", "command", "explain", "target", o->rest[0],
				    "namespace", namespace);
	json_t *reply;
	int status = call_agent(o, "explain", request, &reply);

	if (status)
		return status;
	*out = json_incref(json_object_get(reply, "explain"));
	json_decref(reply);
	return 0;
}

int cli_explain(const struct options *o)
{
	char *namespace = options_caller(o);
	json_t *e = NULL;
	int status = o->files.nr ? explain_offline(o, namespace, &e) :
				   explain_online(o, namespace, &e);

	free(namespace);
	if (status)
		return status;
	if (o->json) {
		json_show(e);
		return 0;
	}
	explain_print(e);
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
