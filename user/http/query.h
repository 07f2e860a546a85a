/* SPDX-License-Identifier: GPL-2.0 */
/* The parameters behind the "?" of a path. */
#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include "http/match.h"

/* The first value of a parameter, decoded; "" without "=". NULL: it is not there. The caller frees.
 */
char *query_value(struct http_text query, const char *name);

#endif
