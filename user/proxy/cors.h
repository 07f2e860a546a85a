/* SPDX-License-Identifier: GPL-2.0 */
/* What pages of other origins may ask, and read. */
#ifndef PROXY_CORS_H
#define PROXY_CORS_H

#include "proxy/client.h"

/* Answers a preflight that the rule speaks for; false: it was none. */
bool cors_preflight(struct client *c);
/* Adds to c->worker->headers what the page may read of the upstream's answer. */
void cors_answer(struct client *c);

#endif
