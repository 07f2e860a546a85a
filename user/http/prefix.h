/* SPDX-License-Identifier: GPL-2.0 */
/* What of a path a rewrite or redirect replaces. */
#ifndef HTTP_PREFIX_H
#define HTTP_PREFIX_H

#include "http/match.h"

/* The bytes of the path that the uri condition covers; without one it is the first slash. */
size_t prefix_length(const struct http_match *taken, struct http_text path);

#endif
