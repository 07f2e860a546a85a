/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of bodies between two connections, in buffers. */
#ifndef PROXY_BODY_H
#define PROXY_BODY_H

#include "proxy/http1.h"
#include "proxy/stream.h"

#define BODY_ROOM 32 /* what a chunk has around its data, and the last one */

/* A part of a body, in the framing of who gets it. There is room for it. */
void body_put(struct buffer *b, struct http_text body, bool chunked);
/* The end of a chunked one, with its trailers, which may take more room than is left. */
void body_end(struct buffers *buffers, struct buffer *b, const struct http1 *from);
/* How much of `in` may be read so that what comes of it has room. */
size_t body_readable(const struct buffer *in, const struct buffer *out);
/* Into larger steps, once the body is long. */
void body_grow(struct buffers *buffers, struct buffer *b, uint64_t so_far);
/*
 * A part of a body whose framing stays: it needs no look, and no other place on its way. A byte
 * more is asked for, so that what follows the body is seen; it goes to `in`, which is empty.
 */
size_t body_receive(struct stream *s, struct http1 *p, struct buffer *in, struct buffer *out);

#endif
