// SPDX-License-Identifier: GPL-2.0
/* Reads files and plans them without an agent; `validate` and `plan` show the outcome. */
#include <errno.h>
#include <string.h>
#include "agent/findings.h"
#include "agent/wire.h"
#include "cli/cli.h"
#include "cli/offline.h"

int offline_read(struct offline *off, const struct options *o, bool fields)
{
	struct decode_options decode = {.namespace = o->namespace, .lenient = o->lenient};
	int err;

	*off = (struct offline){.addresses = addresses_new(), .diags = {.strict = o->strict},
				.findings = {.strict = o->strict}};
	off->set.node = o->node;
	off->set.split_requests = o->split_requests;
	err = config_set_read(&off->set, o->files.at, o->files.nr, &decode, &off->diags);
	if (!err)
		err = plan_build(&off->set, NULL, NULL, off->addresses, 1, &off->diags, &off->plan);
	if (fields)
		findings_of_set(&off->findings, &off->set, off->plan);
	else if (!err)
		findings_of_plan(&off->findings, off->plan);
	return err || off->diags.nr_errors || off->findings.nr_errors ? -EINVAL : 0;
}

void offline_complain(const struct offline *off)
{
	diags_print(&off->diags, stderr);
	diags_print(&off->findings, stderr);
}

void offline_free(struct offline *off)
{
	plan_free(off->plan);
	addresses_free(off->addresses);
	config_set_free(&off->set);
	diags_free(&off->diags);
	diags_free(&off->findings);
}

int offline_wanted(const struct options *o, const char *command)
{
	if (!o->files.nr)
		return wrong_use(command, "name what to read with -f");
	return 0;
}

static void print_count(size_t n, const char *what, const char *after)
{
	printf("%zu %s%s%s", n, what, n == 1 ? "" : "s", after);
}

int cli_validate(const struct options *o)
{
	struct offline off;
	int err = offline_wanted(o, "validate");

	if (err)
		return err;
	err = offline_read(&off, o, true);
	diags_take(&off.diags, &off.findings);
	if (o->json) {
		json_t *out = json_pack("{s:I,s:I,s:I,s:o}", "objects",
					(json_int_t)config_set_count(&off.set), "errors",
					(json_int_t)off.diags.nr_errors, "warnings",
					(json_int_t)off.diags.nr_warnings, "diags",
					diags_json(&off.diags));

		json_show(out);
	} else {
		diags_print(&off.diags, stderr);
		print_count(config_set_count(&off.set), "object", ", ");
		print_count(off.diags.nr_errors, "error", ", ");
		print_count(off.diags.nr_warnings, "warning", "\n");
	}
	offline_free(&off);
	return err ? EXIT_REFUSED : 0;
}

int cli_plan(const struct options *o)
{
	struct plan_filter filter = {.namespace = o->namespace, .from = o->from};
	struct offline off;
	int err = offline_wanted(o, "plan");

	if (err)
		return err;
	err = offline_read(&off, o, false);
	diags_print(&off.diags, stderr);
	if (err) /* else the plan shows them */
		diags_print(&off.findings, stderr);
	if (!err && o->from)
		filter.scope = plan_scope_from(off.plan, &off.set, o->from, NULL);
	if (!err && o->json)
		json_show(plan_json(off.plan, &filter));
	else if (!err)
		plan_print(off.plan, &filter, stdout);
	offline_free(&off);
	return err ? EXIT_REFUSED : 0;
}
