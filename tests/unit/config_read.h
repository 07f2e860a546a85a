/* SPDX-License-Identifier: GPL-2.0 */
/* Reads objects from a text in a test. */
#ifndef CONFIG_READ_H
#define CONFIG_READ_H

#include <stdlib.h>
#include <string.h>
#include "config/set.h"
#include "unit.h"

#define MAX_READ 16

struct config_read {
	struct object *objects[MAX_READ];
	size_t nr;
	struct diags diags;
	int err;
};

static int config_read_one(struct object *o, void *arg)
{
	struct config_read *r = arg;

	if (r->nr == MAX_READ)
		abort();
	r->objects[r->nr++] = o;
	return 0;
}

static inline struct config_read config_read_with(const char *text, bool lenient)
{
	struct decode_options options = {.lenient = lenient};
	struct config_read r = {0};

	r.err = object_read("in.yaml", text, strlen(text), &options, &r.diags, config_read_one, &r);
	return r;
}

static inline struct config_read config_read(const char *text)
{
	return config_read_with(text, false);
}

static inline void config_read_free(struct config_read *r)
{
	for (size_t i = 0; i < r->nr; i++)
		object_put(r->objects[i]);
	diags_free(&r->diags);
}

/* "path: text" of the only diagnostic, or a word that no test expects. */
static inline const char *only_diag(const struct config_read *r)
{
	static char text[1024];

	if (r->diags.list.nr != 1)
		return r->diags.list.nr ? "several" : "none";
	snprintf(text, sizeof(text), "%s: %s", r->diags.list.at->path ? r->diags.list.at->path : "",
		 r->diags.list.at->text);
	return text;
}

#define HEAD(kind_) "apiVersion: networking.istio.io/v1\nkind: " kind_ "\nmetadata: {name: a}\n"

#endif
