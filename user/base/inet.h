/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses in one form for both families: 16 bytes, IPv4 as ::ffff:a.b.c.d. */
#ifndef BASE_INET_H
#define BASE_INET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define INET_TEXT 48 /* enough for any address, bracketed or with a prefix length */

struct inet {
	uint8_t byte[16];
};

bool inet_parse(const char *text, struct inet *out);
/* That of a device, which may be NULL; false: it is no address that others could reach. */
bool inet_of_device(const struct sockaddr *sa, struct inet *out);
/*
 * "10.0.0.0/8", or an address alone (its full length); host bits are cleared. The prefix counts
 * the bits of the address's own family: at most 32 when inet_is_v4(out).
 */
bool inet_parse_cidr(const char *text, struct inet *out, unsigned *prefix);
bool inet_is_v4(const struct inet *a); /* v4-mapped */
bool inet_is_loopback(const struct inet *a);
bool inet_equal(const struct inet *a, const struct inet *b);
/* Whether `a` is of the family of `network` and has its first bits: `prefix`, as of inet_parse_cidr. */
bool inet_is_within(const struct inet *a, const struct inet *network, unsigned prefix);
const char *inet_print(const struct inet *a, char out[INET_TEXT]);
/* "10.0.0.0/8" */
const char *inet_print_cidr(const struct inet *a, unsigned prefix, char out[INET_TEXT]);
/* "10.0.0.1:80", "[::1]:80" */
const char *inet_print_port(const struct inet *a, unsigned port, char out[INET_TEXT + 8]);

#endif
