/* SPDX-License-Identifier: GPL-2.0 */
/* Passes a request on to its upstream, and the answer to the client, as far as both take it. */
#ifndef PROXY_RELAY_H
#define PROXY_RELAY_H

#include "proxy/client.h"

/* Each returns whether anything moved. */
bool relay_request(struct client *c);
bool relay_answer(struct client *c);
/* An answer of our own: what is left of its body. */
bool relay_reply(struct client *c);
/* What came of a request that was answered before its end: dropped. */
bool relay_drop_request(struct client *c);

#endif
