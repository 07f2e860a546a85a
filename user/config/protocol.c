// SPDX-License-Identifier: GPL-2.0
/* Port protocols: appProtocol, else the port's name up to its first dash. */
#include <string.h>
#include <strings.h>
#include "config/protocol.h"

static const struct {
	const char *name;
	enum protocol protocol;
} names[] = {
	{"tcp", PROTOCOL_TCP},
	{"http", PROTOCOL_HTTP},
	{"http2", PROTOCOL_HTTP2},
	{"grpc", PROTOCOL_GRPC},
	{"https", PROTOCOL_HTTPS},
	{"tls", PROTOCOL_TLS},
	{"mongo", PROTOCOL_MONGO},
	{"redis", PROTOCOL_REDIS},
	{"mysql", PROTOCOL_MYSQL},
	{"udp", PROTOCOL_UDP},
	{"auto", PROTOCOL_AUTO},
	{"grpc-web", PROTOCOL_GRPC},
	{"http_proxy", PROTOCOL_HTTP},
	{"kubernetes.io/h2c", PROTOCOL_HTTP2},
	{"kubernetes.io/ws", PROTOCOL_HTTP},
	{"kubernetes.io/wss", PROTOCOL_HTTPS},
};
#define NR_NAMES (sizeof(names) / sizeof(*names))

const char *protocol_name(enum protocol p)
{
	for (size_t i = 0; i < NR_NAMES; i++)
		if (names[i].protocol == p)
			return names[i].name;
	return "auto";
}

bool protocol_is_http(enum protocol p)
{
	return p == PROTOCOL_HTTP || p == PROTOCOL_HTTP2 || p == PROTOCOL_GRPC;
}

bool protocol_is_tls(enum protocol p)
{
	return p == PROTOCOL_HTTPS || p == PROTOCOL_TLS;
}

enum transport protocol_transport(enum protocol p)
{
	return p == PROTOCOL_UDP ? TRANSPORT_UDP : TRANSPORT_TCP;
}

static enum protocol parse(const char *name, size_t length)
{
	for (size_t i = 0; i < NR_NAMES; i++)
		if (strlen(names[i].name) == length && !strncasecmp(names[i].name, name, length))
			return names[i].protocol;
	return PROTOCOL_AUTO;
}

enum protocol protocol_parse(const char *name)
{
	return parse(name, strlen(name));
}

enum protocol protocol_of_port(const char *app_protocol, const char *name, uint16_t port)
{
	enum protocol p = PROTOCOL_AUTO;

	if (app_protocol && *app_protocol)
		p = protocol_parse(app_protocol);
	else if (name && !strncasecmp(name, "grpc-web", 8))
		p = PROTOCOL_GRPC;
	else if (name)
		p = parse(name, strcspn(name, "-"));
	/* Servers that speak first, where waiting for the client's bytes would hang both. */
	if (p == PROTOCOL_AUTO && (port == 25 || port == 53 || port == 3306 || port == 27017))
		p = PROTOCOL_TCP;
	return p;
}
