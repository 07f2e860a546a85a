// SPDX-License-Identifier: GPL-2.0
/* Fuzzes the YAML reader; what it takes must survive printing and reading again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "tree/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct again {
	const struct node *first;
	unsigned nr;
};

static int compare(struct node *root, void *arg)
{
	struct again *again = arg;

	again->nr++;
	if (!node_equal(root, again->first))
		abort();
	return 0;
}

static int print_and_read(struct node *root, void *arg)
{
	struct again again = {.first = root};
	struct diags diags = {0};
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int err;

	(void)arg;
	node_print_json(root, out);
	fclose(out);
	free(text);
	out = open_memstream(&text, &length);
	node_print_yaml(root, out);
	fclose(out);
	err = yaml_read("again", text, length, &diags, compare, &again);
	if (err || again.nr != 1) {
		fwrite(text, 1, length, stderr);
		diags_print(&diags, stderr);
		abort();
	}
	free(text);
	diags_free(&diags);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diags diags = {0};
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	yaml_read("fuzz", (const char *)data, size, &diags, print_and_read, NULL);
	diags_print(&diags, out);
	fclose(out);
	free(text);
	diags_free(&diags);
	return 0;
}
