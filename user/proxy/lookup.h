/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds what a connection and its requests mean, in a table that does not change. What is built
 * once is only read after, so threads share it; each has regexes of its own.
 */
#ifndef PROXY_LOOKUP_H
#define PROXY_LOOKUP_H

#include "http/match.h"
#include "snapshot/table.h"

struct lookup;
struct lookup *lookup_new(const struct table *t); /* borrows the table */
void lookup_free(struct lookup *l);		  /* NULL is fine */

/* The port behind an address that a caller of `scope` dialled; NULL: none. */
const struct table_port *lookup_entry(const struct lookup *l, const struct inet *address,
				      uint16_t port, uint32_t scope);
/*
 * The port that a Host header names, on a connection to `port`; the header's own port does not
 * count. A name without a dot is looked up in `namespace` too, the caller's; "" is not known. NULL:
 * there is no such host for the caller.
 */
const struct table_port *lookup_port_by_host(const struct lookup *l, uint16_t port, uint32_t scope,
					     const char *namespace, struct http_text host);
/*
 * The first rule of a port of the table that takes the request; NULL: none. *taken: by which match,
 * NULL without one.
 */
const struct table_rule *lookup_rule(const struct lookup *l, const struct table_port *port,
				     const struct http_request *r, struct regexes *x,
				     const struct http_match **taken);
/* Callers of the scope get 502 for a host that is none, in place of what they dialled. */
bool lookup_refuses_unknown(const struct lookup *l, uint32_t scope);
/* Compiles all expressions of the table, so that no request waits for it. */
void lookup_regexes(const struct lookup *l, struct regexes *x);

#endif
