// SPDX-License-Identifier: GPL-2.0
/* Tags: those of the core schema are obeyed, all others refused. */
#include <string.h>
#include "tree/scalar.h"
#include "tree/yaml_build.h"

const char *build_tag(struct build *b, const yaml_char_t *tag)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	static const char *const names[] = {"str", "int", "float", "bool", "null", "map", "seq"};
	const char *text = (const char *)tag, *mark = "";

	if (!text || !strcmp(text, "!"))
		return NULL;
	if (!strncmp(text, prefix, sizeof(prefix) - 1)) {
		text += sizeof(prefix) - 1;
		mark = "!!";
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strcmp(text, names[i]))
				return names[i];
	}
	build_fault(b, &b->now.place, "tag \"%s%.*s\" is not known, want none", mark,
		    name_shown(text), text);
	return NULL;
}

enum node_type build_tagged_type(struct build *b, const char *tag, const char *text, size_t length)
{
	static const enum node_type types[] = {
		['i'] = NODE_NUMBER, ['f'] = NODE_NUMBER, ['b'] = NODE_BOOL,
		['n'] = NODE_NULL,   ['m'] = NODE_MAP,	  ['s'] = NODE_LIST};
	enum node_type want = types[(unsigned char)tag[0]];

	if (!strcmp(tag, "str"))
		return NODE_STRING;
	if (scalar_resolve(text, length) != want)
		build_fault(b, &b->now.place, "tag !!%s wants %s here", tag, node_type_name(want));
	return want;
}
