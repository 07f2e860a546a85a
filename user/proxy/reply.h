/* SPDX-License-Identifier: GPL-2.0 */
/* Answers of our own, in place of an upstream's. */
#ifndef PROXY_REPLY_H
#define PROXY_REPLY_H

#include "proxy/client.h"

const char *reply_reason(uint16_t status); /* "Not Found"; "" for one that has no name */

/* Ends the request with a text, which is copied; the request's flags and details are set before. */
void reply_text(struct client *c, uint16_t status, const char *body);
/* Likewise, with the headers in c->worker->headers. A long body is not
 * copied. `by_rule`: the route asks for it. */
void reply(struct client *c, uint16_t status, const char *body, size_t length, bool by_rule);
/* An empty list of headers for it. */
void reply_headers(struct client *c);

/* Each sets flags, details and what is told to the client. */
void reply_failed(struct client *c, unsigned flag, const char *why, const char *transport);
void reply_overflow(struct client *c);
void reply_timeout(struct client *c, const char *details);

#endif
