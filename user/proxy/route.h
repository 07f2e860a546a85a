/* SPDX-License-Identifier: GPL-2.0 */
/* Where a request goes, by its host and its rule. */
#ifndef PROXY_ROUTE_H
#define PROXY_ROUTE_H

#include "proxy/client.h"

/* The request has begun; its rule acts, or it is told that there is none. */
void route_request(struct client *c);
/* The same for a connection that is no http. */
void route_bytes(struct client *c);

#endif
