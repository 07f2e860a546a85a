/* SPDX-License-Identifier: GPL-2.0 */
/* A line for each request, in the order of fields that Istio's text log has. */
#ifndef PROXY_ACCESS_H
#define PROXY_ACCESS_H

#include "proxy/client.h"

/* Of the request that ends; nothing without a file. */
void access_log(struct client *c);
/* Writes the lines of this round. */
void access_flush(struct worker *w);

#endif
