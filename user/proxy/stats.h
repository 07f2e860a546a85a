/* SPDX-License-Identifier: GPL-2.0 */
/* What the proxy holds and has counted, as JSON. */
#ifndef PROXY_STATS_H
#define PROXY_STATS_H

#include <jansson.h>

struct proxy;

/* Both are the caller's to close; -errno. */
int stats_memfd(const struct proxy *p);
int stats_dump(const json_t *json); /* as text */

#endif
