/* SPDX-License-Identifier: GPL-2.0 */
/* The protocol of a port, from what people write. */
#ifndef CONFIG_PROTOCOL_H
#define CONFIG_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

enum protocol { /* of a port, by appProtocol, else by its name up to the first dash */
	PROTOCOL_AUTO, /* unknown name: HTTP or TCP */
	PROTOCOL_TCP,
	PROTOCOL_HTTP,
	PROTOCOL_HTTP2,
	PROTOCOL_GRPC,
	PROTOCOL_HTTPS,
	PROTOCOL_TLS,
	PROTOCOL_MONGO,
	PROTOCOL_REDIS,
	PROTOCOL_MYSQL,
	PROTOCOL_UDP,
};
enum transport {
	TRANSPORT_TCP,
	TRANSPORT_UDP,
	TRANSPORT_SCTP,
};
const char *protocol_name(enum protocol p);
bool protocol_is_http(enum protocol p); /* HTTP, HTTP2, GRPC */
/* TRANSPORT_TCP or TRANSPORT_UDP. */
enum transport protocol_transport(enum protocol p);
bool protocol_is_tls(enum protocol p);	/* HTTPS, TLS */
/* A protocol's own name, any case; PROTOCOL_AUTO when it is none. */
enum protocol protocol_parse(const char *name);
/* Of a Service's port; app_protocol and name may be NULL. */
enum protocol protocol_of_port(const char *app_protocol, const char *name, uint16_t port);

#endif
