/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of the HTTP/1.1 reader: lines to a head, a head to its meaning. */
#ifndef PROXY_HTTP1_HEAD_H
#define PROXY_HTTP1_HEAD_H

#include "proxy/http1.h"

/* Each returns 0 or -EINVAL with p->wrong set. */

/* Sets p->wrong, unless it is; a response is wrong by 502. Always -EINVAL. */
int http1_refuse(struct http1 *p, uint16_t status, const char *reason);

/* What has come of the first line, with its CR LF once `whole`. */
int http1_start_check(struct http1 *p, bool whole);
/* p->lines, which are complete, to p->head. */
int http1_head_read(struct http1 *p);
/* A control character, tabs aside, could end the line that it stands in. */
bool http1_has_control(struct http_text t);
/* p->tail, which is complete, to p->trailers. */
int http1_trailers_read(struct http1 *p);

/* ---- http1_body.c ---- */

extern const llhttp_settings_t http1_settings;
/* Whether llhttp stopped where it was asked to; else its reason is why not. */
int http1_llhttp_stopped(struct http1 *p, enum llhttp_errno e);
/* Bytes of a chunked body, up to its next data or the end of the last chunk's line. */
enum http1_event http1_chunks_feed(struct http1 *p, const char *bytes, size_t length,
				   size_t *taken);

/* ---- http1_target.c ---- */

/* The request target to authority and path; host: what the header says, or NULL. */
int http1_target_read(struct http1 *p, const struct http_text *host);

/* ---- http1_framing.c ---- */

/* What the headers say of the body and of the connection. */
int http1_framing_read(struct http1 *p);
/* Takes the next element of a list by commas; false: none is left. */
bool http1_element_next(struct http_text *list, struct http_text *element);

#endif
