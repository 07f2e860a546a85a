// SPDX-License-Identifier: GPL-2.0
/* Objects as they are shown: `get` and `diff` never print what a Secret holds. */
#include <stdio.h>
#include <string.h>
#include "agent/agent.h"

static void values_hide(json_t *map)
{
	const char *key;
	json_t *value;
	void *n;

	json_object_foreach_safe(map, n, key, value) {
		size_t length = json_string_length(value);

		json_object_set_new(map, key, json_sprintf("*** (%zu characters)", length));
	}
}

json_t *object_shown(const struct object *o)
{
	json_t *json = json_loads(o->json, JSON_DECODE_ANY, NULL);

	if (!json)
		return json_null();
	if (o->kind == KIND_SECRET) {
		values_hide(json_object_get(json, "data"));
		values_hide(json_object_get(json, "stringData"));
		/* kubectl apply keeps a copy of all of it there */
		json_object_del(json_object_get(json_object_get(json, "metadata"), "annotations"),
				"kubectl.kubernetes.io/last-applied-configuration");
	}
	return json;
}

static int print_root(struct node *root, void *arg)
{
	node_print_yaml(root, arg);
	return 0;
}

char *object_yaml(const struct object *o)
{
	json_t *json = o->kind == KIND_SECRET ? object_shown(o) : NULL;
	char *hidden = json ? json_dumps(json, JSON_COMPACT) : NULL, *text = NULL;
	const char *from = hidden ? hidden : o->json;
	struct diags diags = {0};
	size_t length;
	FILE *out = open_memstream(&text, &length);

	yaml_read(o->id, from, strlen(from), &diags, print_root, out);
	diags_free(&diags);
	fclose(out);
	free(hidden);
	json_decref(json);
	return text;
}
