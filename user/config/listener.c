// SPDX-License-Identifier: GPL-2.0
/* Parts that the servers of a Gateway and the listeners of a Sidecar share. */
#include <string.h>
#include "config/listener.h"
#include "config/names.h"

#define UNIX "unix://"

void check_no_target(struct decoder *d, const struct node *n, void *into)
{
	int64_t value;

	(void)into;
	if (!integer_parse(n->text, &value) && value)
		decode_error(d, n, "has no effect on a %s, want the targetPort of the Service",
			     kinds[d->object->kind].name);
}

bool listener_is_unix(const struct node *listener)
{
	const char *bind = text_of(listener, "bind");

	return bind && !strncmp(bind, UNIX, strlen(UNIX));
}

bool listener_has_number(const struct node *listener)
{
	const char *number = text_of(node_get(listener, "port"), "number");
	int64_t value;

	return number && (integer_parse(number, &value) || value);
}

void check_bind(struct decoder *d, const struct node *listener, bool unix_path)
{
	const struct node *bind = node_get(listener, "bind");

	if (!bind || bind->type != NODE_STRING || !bind->length)
		return;
	if (unix_path && listener_is_unix(listener) && name_is_unix_path(bind->text + strlen(UNIX)))
		return;
	if (!name_is_address(bind->text))
		decode_error(d, bind, "%s is no address, want IPv4%s", quoted(d, bind),
			     unix_path ? ", IPv6 or unix:///path" : " or IPv6");
}

void listener_host(struct decoder *d, const char *text, const char **namespace, const char **host)
{
	const char *slash = strchr(text, '/');

	*namespace = slash ? arena_strndup(d->arena, text, (size_t)(slash - text)) : "*";
	if (!strcmp(*namespace, "."))
		*namespace = d->object->namespace;
	*host = name_lower(d->arena, slash ? slash + 1 : text);
}
