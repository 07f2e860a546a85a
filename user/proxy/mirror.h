/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copies of requests, each sent once all of it has come, on a connection of its own; its answer is
 * read and dropped. A copy waits for nothing: where a limit, an endpoint or memory is missing, and
 * where its body is too long, it is given up, and counted. The request never learns of it.
 */
#ifndef PROXY_MIRROR_H
#define PROXY_MIRROR_H

#include "proxy/client.h"

/* The head of the request is final: begins the copies that its rule wants. */
void mirrors_begin(struct client *c);
/* What follows of the body, in the framing in which it goes upstream. */
void mirrors_put(struct client *c, const char *bytes, size_t length);
/* There is no more of it. */
void mirrors_send(struct client *c);
/* The request ends; copies that were not sent end with it. */
void mirrors_drop(struct request *r);

#endif
