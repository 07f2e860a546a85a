/* SPDX-License-Identifier: GPL-2.0 */
/* %VARIABLES% in the values of header operations, and the name of a route, which is one. */
#ifndef PROXY_FORMAT_H
#define PROXY_FORMAT_H

#include "proxy/client.h"

/* The text with what its variables stand for; NULL: nothing is left. The caller frees. */
char *format_expand(const struct client *c, const char *text);

#define FORMAT_ROUTE_NAME 256 /* a longer one is cut */
/* "rule", "rule.match" where the match that held has a name; "": none took it. */
const char *format_route_name(const struct request *r, char text[FORMAT_ROUTE_NAME]);

#endif
