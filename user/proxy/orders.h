/* SPDX-License-Identifier: GPL-2.0 */
/* What the agent asks of the proxy, done. */
#ifndef PROXY_ORDERS_H
#define PROXY_ORDERS_H

#include "proxy/proxy.h"

/* Reads one message and does what it says; false: the agent is gone. */
bool orders_read(struct proxy *p);
/* What has to wait until the workers have gone on: frees listeners and tables; takes back ejected
 * endpoints. Now and then. */
void orders_tidy(struct proxy *p);
/* Accepts what still waits and nothing more; connections end with their next answer. */
void orders_drain(struct proxy *p, int64_t end);
/* The drain is over: ends connections that wait for a request. */
void orders_end(struct proxy *p);
/* Tells the agent that it is to end. -errno */
int orders_leave(struct proxy *p);

#endif
