/* SPDX-License-Identifier: GPL-2.0 */
/* What a rule does with a request. */
#ifndef PROXY_ACT_H
#define PROXY_ACT_H

#include "proxy/client.h"

/* request->route is set: delays the request, or goes on. */
void act_begin(struct client *c);
/* The delay is over, or there was none. */
void act(struct client *c);

#endif
