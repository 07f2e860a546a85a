// SPDX-License-Identifier: GPL-2.0
/* What objects ask for by keys of shunt.io/. */
#include "config/keys.h"
#include <stdio.h>
#include <string.h>

const char *key_value(const struct object *o, const char *key, const char **field)
{
	const char *value = labels_get(&o->annotations, key);

	if (field)
		*field = value ? "metadata.annotations" : "metadata.labels";
	return value ? value : labels_get(&o->labels, key);
}

const char *key_of_pod(const struct config_set *set, const struct object *pod, const char *key)
{
	const struct object *namespace;
	const char *value = key_value(pod, key, NULL);

	if (value)
		return value;
	namespace = config_set_get(set, KIND_NAMESPACE, "", pod->namespace);
	return namespace ? key_value(namespace, key, NULL) : NULL;
}

static bool pod_asks(const struct config_set *set, const struct object *pod, const char *key,
		     const char *want)
{
	const char *value = key_of_pod(set, pod, key);

	return value && !strcmp(value, want);
}

bool pod_splices(const struct config_set *set, const struct object *pod)
{
	return pod_asks(set, pod, "shunt.io/splice", "on");
}

bool pod_is_captured(const struct config_set *set, const struct object *pod)
{
	return pod_asks(set, pod, "shunt.io/capture", "tc");
}

bool guard_parse(const char *text, uint32_t *percent, uint32_t *window)
{
	int end = 0;

	return sscanf(text, "connect-failure>%3u%%/%6u%n", percent, window, &end) == 2 &&
	       !text[end] && *percent && *percent <= 100 && *window;
}
