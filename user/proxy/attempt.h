/* SPDX-License-Identifier: GPL-2.0 */
/* A try to get an answer: an endpoint, a connection to it, and what becomes of a failure. */
#ifndef PROXY_ATTEMPT_H
#define PROXY_ATTEMPT_H

#include "proxy/client.h"

/* Begins a try; request->destination is set. */
void attempt_begin(struct client *c);
/* The request waited for a connection: there may be one now. */
void attempt_waited(struct client *c);
/* It has one. */
void attempt_connected(struct client *c);
/* No answer comes of this try: another one, or the client is told. `error`: errno, or 0. */
void attempt_failed(struct client *c, enum attempt_failure failure, int error);
/* Its time is up: which counts against the endpoint that has it, if one has. */
void attempt_hangs(struct client *c);
/* The head of an answer is there; true: there will be another try in its place. */
bool attempt_answered(struct client *c);
/* One for the request, tried ones left out, with a reference; NULL: none takes part. */
struct endpoint *attempt_endpoint(struct client *c, const struct destination *d);
/* Gives up the connection; `keep`: it is between two messages. */
void attempt_drop(struct client *c, bool keep);
/* request->try_timer is due. */
void attempt_expired(struct client *c);

#endif
