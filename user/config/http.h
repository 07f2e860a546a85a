/* SPDX-License-Identifier: GPL-2.0 */
/* Tables of what only http routes have. */
#ifndef CONFIG_HTTP_H
#define CONFIG_HTTP_H

#include "config/decode.h"

extern const struct message http_match; /* into struct route_match */
extern const struct message cors_policy, fault, retries, rewrite, redirect, direct_response, mirror,
	percent, delegate;

#endif
