/* SPDX-License-Identifier: GPL-2.0 */
/* Socket addresses as people write them, and the clock the tools share with tests. */
#ifndef TOOLS_ADDRESS_H
#define TOOLS_ADDRESS_H

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "buf.h"

#define ADDRESS_TEXT 64

struct address {
	struct sockaddr_storage at;
	socklen_t size;
};

/* "host:port" or "[v6]:port" in two parts; -EINVAL. */
static inline int address_split(const char *text, char host[256], char port[8])
{
	const char *colon = strrchr(text, ':');
	size_t n;

	if (!colon || colon == text || strlen(colon + 1) > 7 || !colon[1])
		return -EINVAL;
	n = (size_t)(colon - text);
	if (text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (n > 255)
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	strcpy(port, colon + 1);
	return 0;
}

/* The first address of "host:port" in `family` (AF_UNSPEC: any); -EINVAL, -EHOSTUNREACH. */
static inline int address_find(const char *text, int family, struct address *out)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM }, *list;
	char host[256], port[8];
	int err = address_split(text, host, port);

	if (err)
		return err;
	if (getaddrinfo(host, port, &hints, &list))
		return -EHOSTUNREACH;
	memset(out, 0, sizeof(*out));
	memcpy(&out->at, list->ai_addr, list->ai_addrlen);
	out->size = list->ai_addrlen;
	freeaddrinfo(list);
	return 0;
}

/* An IPv4 address as the IPv6 socket that dials it sees it. */
static inline void address_map(struct address *a)
{
	struct sockaddr_in v4 = *(const struct sockaddr_in *)&a->at;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a->at;

	memset(&a->at, 0, sizeof(a->at));
	v6->sin6_family = AF_INET6;
	v6->sin6_port = v4.sin_port;
	v6->sin6_addr.s6_addr[10] = v6->sin6_addr.s6_addr[11] = 0xff;
	memcpy(v6->sin6_addr.s6_addr + 12, &v4.sin_addr, 4);
	a->size = sizeof(*v6);
}

static inline const char *address_print(const struct address *a, char out[ADDRESS_TEXT])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->at;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->at;
	char text[INET6_ADDRSTRLEN] = "";

	if (a->at.ss_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
		snprintf(out, ADDRESS_TEXT, "%s:%u", text, ntohs(v4->sin_port));
	} else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, text, sizeof(text));
		snprintf(out, ADDRESS_TEXT, "%s:%u", text, ntohs(v6->sin6_port));
	} else {
		inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
		snprintf(out, ADDRESS_TEXT, "[%s]:%u", text, ntohs(v6->sin6_port));
	}
	return out;
}

/* Same family, address and port. */
static inline bool address_equal(const struct address *a, const struct address *b)
{
	const struct sockaddr_in6 *a6 = (const void *)&a->at, *b6 = (const void *)&b->at;
	const struct sockaddr_in *a4 = (const void *)&a->at, *b4 = (const void *)&b->at;

	if (a->at.ss_family != b->at.ss_family)
		return false;
	if (a->at.ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port &&
	       !memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr));
}

/* CLOCK_MONOTONIC ns. */
static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* As many descriptors as this process may have. */
static inline void raise_nofile(void)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };

	if (!setrlimit(RLIMIT_NOFILE, &limit) || getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

#endif
