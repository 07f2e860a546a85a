/* SPDX-License-Identifier: GPL-2.0 */
/* The heads that are passed on: what a route makes of a request's, and of an answer's. */
#ifndef PROXY_HEAD_H
#define PROXY_HEAD_H

#include "proxy/client.h"

/*
 * Each writes behind what the buffer holds. 0, -ENOBUFS: there is no room, -EINVAL: a text would
 * break its line; then nothing was written.
 */
int head_request_put(struct client *c, struct buffer *b);
/* Of a copy for a mirror: the same, but for its trace, which is not sampled. */
int head_copy_put(struct client *c, struct buffer *b);
int head_answer_put(struct client *c, struct buffer *b);
/* A 1xx of the upstream, as it came. */
int head_interim_put(struct client *c, struct buffer *b);
/* An answer of our own with what stands in c->worker->headers; `by_rule`: and what the rule adds.
 */
int head_reply_put(struct client *c, struct buffer *b, uint16_t status, size_t length,
		   bool by_rule);

/* A header of the request, the first of that name; length 0: none. */
struct http_text head_header(const struct client *c, const char *name);
/* A gRPC call, by the type of its body. */
bool head_is_grpc(const struct client *c);
/* Adds to c->worker->headers; the texts are borrowed up to the writing. */
void head_add(struct client *c, const char *name, struct http_text value);
/* Likewise; the text is the worker's, up to the writing: short ones, and any. */
void head_add_copied(struct client *c, const char *name, const char *value);
void head_add_printed(struct client *c, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
