/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds what a connection and its requests mean, in a table that does not change. It is made anew
 * with each table, from what its parts have ready for it; what is made is only read after, so
 * threads share it.
 */
#ifndef PROXY_LOOKUP_H
#define PROXY_LOOKUP_H

#include "http/match.h"
#include "proxy/part.h"

struct lookup;
/* Borrows the parts and the scopes. */
struct lookup *lookup_new(struct part *const *parts, size_t nr, const struct table_scope *scopes,
			  size_t nr_scopes);
void lookup_free(struct lookup *l);
/* Of an entry. */
uint64_t lookup_hash(const struct inet *address, uint16_t port, uint32_t scope);

/* The port behind an address that a caller of `scope` dialled; NULL: none. */
const struct port *lookup_entry(const struct lookup *l, const struct inet *address, uint16_t port,
				uint32_t scope);
/*
 * The port that a Host header names, on a connection to `port`; the header's own port does not
 * count. A name without a dot is looked up in `namespace` too, the caller's; "" is not known. NULL:
 * there is no such host for the caller.
 */
const struct port *lookup_port_by_host(const struct lookup *l, uint16_t port, uint32_t scope,
				       const char *namespace, struct http_text host);
/* Callers of the scope get 502 for a host that is none, in place of what they dialled. */
bool lookup_refuses_unknown(const struct lookup *l, uint32_t scope);

#endif
