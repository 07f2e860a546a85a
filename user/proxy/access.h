/* SPDX-License-Identifier: GPL-2.0 */
/* A line for each request that ended, with the fields of Istio's access log: as text, or as JSON. */
#ifndef PROXY_ACCESS_H
#define PROXY_ACCESS_H

#include "proxy/client.h"

/* Of the request that ends; nothing without a log. */
void access_log(struct client *c);
/* It has a connection: what the log tells of that is noted. */
void access_connected(struct client *c);

#endif
