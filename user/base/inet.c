// SPDX-License-Identifier: GPL-2.0
/* Parsing and printing of addresses. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "base/inet.h"

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

bool inet_parse(const char *text, struct inet *out)
{
	struct inet a = {0};

	if (inet_pton(AF_INET, text, a.byte + 12) == 1)
		memcpy(a.byte, v4_mapped, sizeof(v4_mapped));
	else if (inet_pton(AF_INET6, text, a.byte) != 1)
		return false;
	*out = a;
	return true;
}

bool inet_of_device(const struct sockaddr *sa, struct inet *out)
{
	const struct sockaddr_in *ipv4 = (const void *)sa;
	const struct sockaddr_in6 *ipv6 = (const void *)sa;

	if (sa && sa->sa_family == AF_INET) {
		memcpy(out->byte, v4_mapped, sizeof(v4_mapped));
		memcpy(out->byte + 12, &ipv4->sin_addr, 4);
		return true;
	}
	if (!sa || sa->sa_family != AF_INET6)
		return false;
	memcpy(out->byte, &ipv6->sin6_addr, 16);
	return !IN6_IS_ADDR_LINKLOCAL(&ipv6->sin6_addr);
}

/* Decimal without sign or leading zeros, at most `max`. */
static bool parse_prefix(const char *s, unsigned max, unsigned *out)
{
	unsigned n = 0;

	if (!*s || (s[0] == '0' && s[1]))
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (unsigned)(*s - '0');
		if (n > max)
			return false;
	}
	*out = n;
	return true;
}

bool inet_parse_cidr(const char *text, struct inet *out, unsigned *prefix)
{
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	char address[INET_TEXT];
	unsigned full, bits;
	struct inet a;

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	if (!inet_parse(address, &a))
		return false;
	full = strchr(address, ':') ? 128 : 32;
	bits = full;
	if (slash && !parse_prefix(slash + 1, full, &bits))
		return false;
	for (unsigned bit = 128 - full + bits; bit < 128; bit++)
		a.byte[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	*out = a;
	*prefix = full == 128 && inet_is_v4(&a) ? bits - 96 : bits;
	return true;
}

bool inet_is_v4(const struct inet *a)
{
	return !memcmp(a->byte, v4_mapped, sizeof(v4_mapped));
}

bool inet_is_loopback(const struct inet *a)
{
	static const struct inet one = {.byte = {[15] = 1}};

	return inet_is_v4(a) ? a->byte[12] == 127 : inet_equal(a, &one);
}

bool inet_equal(const struct inet *a, const struct inet *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool inet_is_within(const struct inet *a, const struct inet *network, unsigned prefix)
{
	unsigned bits = inet_is_v4(network) ? prefix + 96 : prefix, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (inet_is_v4(a) != inet_is_v4(network) || memcmp(a, network, bits / 8))
		return false;
	return !rest || !((a->byte[bits / 8] ^ network->byte[bits / 8]) & mask);
}

const char *inet_print(const struct inet *a, char out[INET_TEXT])
{
	if (inet_is_v4(a))
		inet_ntop(AF_INET, a->byte + 12, out, INET_TEXT);
	else
		inet_ntop(AF_INET6, a->byte, out, INET_TEXT);
	return out;
}

const char *inet_print_cidr(const struct inet *a, unsigned prefix, char out[INET_TEXT])
{
	size_t length = strlen(inet_print(a, out));

	snprintf(out + length, INET_TEXT - length, "/%u", prefix);
	return out;
}

const char *inet_print_port(const struct inet *a, unsigned port, char out[INET_TEXT + 8])
{
	char address[INET_TEXT];

	inet_print(a, address);
	snprintf(out, INET_TEXT + 8, inet_is_v4(a) ? "%s:%u" : "[%s]:%u", address, port & 0xffff);
	return out;
}
