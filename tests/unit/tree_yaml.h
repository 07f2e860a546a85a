/* SPDX-License-Identifier: GPL-2.0 */
/* Reading a text in a test: the documents as JSON lines, the mistakes as printed. */
#ifndef TREE_YAML_TEST_H
#define TREE_YAML_TEST_H

#include <string.h>
#include "tree/node.h"
#include "unit.h"

struct reading {
	int err;
	char *json;   /* a line a document */
	char *faults; /* "line:column text", a line each */
	size_t nr_faults;
};

static inline int reading_print(struct node *root, void *out)
{
	node_print_json(root, out);
	fputc('\n', out);
	return 0;
}

static inline struct reading read_text(const char *text, size_t length)
{
	const struct diag *one;
	struct diags d = {0};
	struct reading r;
	size_t size;
	FILE *out = open_memstream(&r.json, &size);

	r.err = yaml_read("f", text, length, &d, reading_print, out);
	fclose(out);
	out = open_memstream(&r.faults, &size);
	vec_each (&d.list, one)
		fprintf(out, "%u:%u %s\n", one->place.line, one->place.column, one->text);
	fclose(out);
	r.nr_faults = d.nr_errors;
	diags_free(&d);
	return r;
}

static inline void reading_free(struct reading *r)
{
	free(r->json);
	free(r->faults);
}

#endif
