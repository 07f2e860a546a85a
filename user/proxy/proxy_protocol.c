// SPDX-License-Identifier: GPL-2.0
/* The header of the PROXY protocol, as text and as bytes (HAProxy's proxy-protocol.txt). */
#include "proxy/proxy_protocol.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define V2_VERSION 0x20
#define V2_LOCAL 0
#define V2_PROXY 1
#define V2_TCP4 0x11
#define V2_TCP6 0x21

static size_t text_put(const struct proxy_origin *o, bool v4, char *out)
{
	char source[INET6_ADDRSTRLEN], dialled[INET6_ADDRSTRLEN];
	int family = v4 ? AF_INET : AF_INET6, skip = v4 ? 12 : 0;

	if (!o)
		return (size_t)sprintf(out, "PROXY UNKNOWN\r\n");
	inet_ntop(family, o->source.byte + skip, source, sizeof(source));
	inet_ntop(family, o->dialled.byte + skip, dialled, sizeof(dialled));
	return (size_t)snprintf(out, PROXY_PROTOCOL_MOST, "PROXY TCP%d %s %s %u %u\r\n", v4 ? 4 : 6,
				source, dialled, o->source_port, o->dialled_port);
}

static char *port_put(char *at, uint16_t port)
{
	*at++ = (char)(port >> 8);
	*at++ = (char)port;
	return at;
}

static size_t bytes_put(const struct proxy_origin *o, bool v4, char *out)
{
	static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";
	size_t skip = v4 ? 12 : 0, length = o ? 2 * (16 - skip) + 4 : 0;
	char *at = out;

	at = (char *)memcpy(at, signature, sizeof(signature)) + sizeof(signature);
	*at++ = (char)(V2_VERSION | (o ? V2_PROXY : V2_LOCAL));
	*at++ = (char)(!o ? 0 : v4 ? V2_TCP4 : V2_TCP6);
	at = port_put(at, (uint16_t)length);
	if (!o)
		return (size_t)(at - out);
	at = (char *)memcpy(at, o->source.byte + skip, 16 - skip) + 16 - skip;
	at = (char *)memcpy(at, o->dialled.byte + skip, 16 - skip) + 16 - skip;
	at = port_put(port_put(at, o->source_port), o->dialled_port);
	return (size_t)(at - out);
}

size_t proxy_protocol_put(unsigned version, const struct proxy_origin *o,
			  char out[PROXY_PROTOCOL_MOST])
{
	/* two families are told in the wider one */
	bool v4 = o && inet_is_v4(&o->source) && inet_is_v4(&o->dialled);

	return version == 1 ? text_put(o, v4, out) : bytes_put(o, v4, out);
}
