// SPDX-License-Identifier: GPL-2.0
/* Test tool: writes the block that an agent with these YAML files would hand to its proxy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "agent/parts.h"
#include "config/set.h"
#include "plan/plan.h"

/* Whoever has rules of its own is caller 1. */
static uint32_t scope_number(const char *key, void *arg)
{
	(void)key;
	(void)arg;
	return 1;
}

static int plan_write(const struct plan *plan)
{
	struct parts *parts = parts_new(scope_number, NULL, NULL, NULL);
	void *bytes = NULL;
	size_t size = 0;
	int err;

	parts_learn(parts, plan);
	err = parts_block(parts, true, &bytes, &size);
	if (!err && fwrite(bytes, 1, size, stdout) != size)
		err = -EIO;
	free(bytes);
	parts_free(parts);
	return err;
}

int main(int argc, char **argv)
{
	struct decode_options decode = {0};
	struct addresses *addresses = addresses_new();
	struct diags diags = {0};
	struct config_set set = {0};
	struct plan *plan = NULL;
	int err = config_set_read(&set, argv + 1, (size_t)argc - 1, &decode, &diags);

	if (!err)
		err = plan_build(&set, NULL, NULL, addresses, 1, &diags, &plan);
	if (!err)
		err = plan_write(plan);
	if (err)
		diags_print(&diags, stderr);
	plan_free(plan);
	addresses_free(addresses);
	config_set_free(&set);
	diags_free(&diags);
	return !!err;
}
