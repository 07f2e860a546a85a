/* SPDX-License-Identifier: GPL-2.0 */
/* What objects ask for by keys of shunt.io/, which may stand among annotations and labels. */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "config/set.h"

/*
 * The value of a key such as "shunt.io/drain", of the annotation before the label; NULL: it is not
 * there. *field (may be NULL): "metadata.annotations" or "metadata.labels".
 */
const char *key_value(const struct object *o, const char *key, const char **field);
/* Of a Pod, else of its Namespace in the set; NULL: neither has it. */
const char *key_of_pod(const struct config_set *set, const struct object *pod, const char *key);
/* Whether the Pod, else its Namespace, asks for shunt.io/splice: on, for shunt.io/capture: tc. */
bool pod_splices(const struct config_set *set, const struct object *pod);
bool pod_is_captured(const struct config_set *set, const struct object *pod);

/* "connect-failure>10%/100": more than a share of failures, and over how many connections. */
bool guard_parse(const char *text, uint32_t *percent, uint32_t *window);

#endif
