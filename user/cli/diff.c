// SPDX-License-Identifier: GPL-2.0
/* `diff`: what an apply would change, before it is applied. */
#include <stdio.h>
#include <string.h>
#include "cli/call.h"
#include "cli/cli.h"
#include "cli/line_diff.h"

#define EXIT_NOT_COMPARED 3

static int diff_print(const json_t *reply)
{
	const char *shares = member_text(reply, "plan_text");
	const json_t *it;
	int differ = 0;
	size_t i;

	json_array_foreach(json_object_get(reply, "objects"), i, it) {
		char *from = xasprintf("running %s", member_text(it, "id"));
		char *to = xasprintf("%s:%lld", member_text(it, "place"),
				     (long long)member_number(it, "line"));
		const char *running = member_text(it, "running"), *wanted = member_text(it, "wanted");
		bool created = json_is_null(json_object_get(it, "running"));

		if (line_diff(created ? "/dev/null" : from, running, to, wanted, stdout))
			differ = 1;
		else if (!created)
			differ |= printf("%s: values that are not shown differ\n",
					 member_text(it, "id")) > 0;
		free(from);
		free(to);
	}
	if (*shares)
		printf("%sshares:\n%s", differ ? "\n" : "", shares);
	return differ;
}

int cli_diff(const struct options *o)
{
	json_t *request, *reply;
	int differ;

	if (!o->files.nr)
		return wrong_use("diff", "name what to compare with -f");
	if (call_request_files(o, "diff", &request) || call_agent(o, "diff", request, &reply))
		return EXIT_NOT_COMPARED;
	differ = json_array_size(json_object_get(reply, "objects")) != 0;
	if (o->json) {
		call_show(reply);
		return differ;
	}
	diff_print(reply);
	json_decref(reply);
	return differ;
}
