/* SPDX-License-Identifier: GPL-2.0 */
/* Writing the head of an HTTP/1.1 message into bytes that the caller owns. */
#ifndef PROXY_HTTP1_WRITE_H
#define PROXY_HTTP1_WRITE_H

#include "proxy/http1.h"

struct http1_out {
	char *at;
	size_t nr, cap;
};

enum http1_connection { /* what the head says of it */
	HTTP1_SAY_NOTHING, /* HTTP/1.1 keeps it open */
	HTTP1_SAY_KEEP,	   /* for a peer of HTTP/1.0 */
	HTTP1_SAY_CLOSE,
	HTTP1_SAY_UPGRADE, /* to what the header Upgrade names */
};

/*
 * Takes away what is meant for this connection alone: Connection and what it names, Keep-Alive,
 * TE, Proxy-Connection, Proxy-Authenticate, Proxy-Authorization; Upgrade but for a tunnel.
 */
void http1_hops_remove(struct http_header_list *l, bool tunnel);

/*
 * A head of HTTP/1.1, added to `out`. Host, Content-Length, Transfer-Encoding and Connection come
 * from the arguments, those in the list are passed over; `framing` is how the body will be sent.
 * 0, -ENOBUFS, or -EINVAL for a text that would break its line; then nothing was added.
 */
int http1_write_request(struct http1_out *out, const struct http_request *r,
			const struct http1_framing *framing, enum http1_connection connection);
/* Likewise, with headers in r alone. */
int http1_write_response(struct http1_out *out, uint16_t status, struct http_text reason,
			 const struct http_request *r, const struct http1_framing *framing,
			 enum http1_connection connection);
/* What ends a chunked body, with the fields that follow it (RFC 9112 section 7.1.2). */
int http1_write_last_chunk(struct http1_out *out, const struct http_header_list *trailers);

#endif
