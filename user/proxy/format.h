/* SPDX-License-Identifier: GPL-2.0 */
/* %VARIABLES% in the values of header operations. */
#ifndef PROXY_FORMAT_H
#define PROXY_FORMAT_H

#include "proxy/client.h"

/* The text with what its variables stand for; NULL: one of them has no value. The caller frees. */
char *format_expand(const struct client *c, const char *text);

#endif
