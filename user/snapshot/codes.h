/* SPDX-License-Identifier: GPL-2.0 */
/* The walks over the parts of a table, see coder.h. */
#ifndef SNAPSHOT_CODES_H
#define SNAPSHOT_CODES_H

#include "snapshot/coder.h"
#include "snapshot/table.h"

/* ---- code_http.c ---- */

#define LEAST_MATCH 41 /* bytes of the shortest one; so are the others */
void code_match(struct coder *c, struct http_match *x);
void code_redirect(struct coder *c, struct http_redirect *x);
void code_response(struct coder *c, struct http_response *x);
void code_rewrite(struct coder *c, struct http_rewrite *x);
void code_fault(struct coder *c, struct http_fault *x);
void code_retries(struct coder *c, struct http_retries *x);
void code_cors(struct coder *c, struct http_cors *x);
void code_headers(struct coder *c, struct http_headers *x);
void code_header_values(struct coder *c, struct header_values *x);
uint32_t code_millionths(struct coder *c, uint32_t value);
void code_texts(struct coder *c, const char ***at, size_t *nr);
void code_u16s(struct coder *c, uint16_t **at, size_t *nr);

/* ---- code_cluster.c ---- */

#define LEAST_CLUSTER 106
void code_cluster(struct coder *c, struct table_cluster *x);

/* ---- code_port.c ---- */

#define LEAST_PORT 22
void code_port(struct coder *c, struct table_port *x);

#endif
