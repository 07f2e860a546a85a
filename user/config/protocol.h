/* SPDX-License-Identifier: GPL-2.0 */
/* The protocol of a port, from what people write. */
#ifndef CONFIG_PROTOCOL_H
#define CONFIG_PROTOCOL_H

#include "config/object.h"

/* A protocol's own name, any case; PROTOCOL_AUTO when it is none. */
enum protocol protocol_parse(const char *name);
/* Of a Service's port; app_protocol and name may be NULL. */
enum protocol protocol_of_port(const char *app_protocol, const char *name, uint16_t port);
bool protocol_is_tls(enum protocol p); /* HTTPS, TLS */

#endif
