/* SPDX-License-Identifier: GPL-2.0 */
/* What the proxy has counted, as JSON. */
#ifndef PROXY_STATS_H
#define PROXY_STATS_H

struct proxy;

int stats_memfd(const struct proxy *p); /* the caller closes it; -errno */

#endif
