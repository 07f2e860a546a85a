/* SPDX-License-Identifier: GPL-2.0 */
/* The test server's own calls to other servers, passing on what traced applications pass on. */
#ifndef TOOLS_CHAIN_H
#define TOOLS_CHAIN_H

#include <sys/time.h>
#include <unistd.h>

#include "address.h"
#include "http.h"

#define CHAIN_MAX_CALLS 8
#define CHAIN_TIMEOUT 30 /* seconds, for each step of a call */

struct chain {
	char url[CHAIN_MAX_CALLS][1024];
	size_t nr;
	struct buf headers; /* "name: value\r\n" lines for each call */
};

static inline bool chain_passes_on(const char *name)
{
	static const char *const names[] = { "x-request-id", "b3",	   "traceparent",
					     "tracestate",   "end-user", "cookie" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcasecmp(name, names[i]))
			return true;
	return !strncasecmp(name, "x-b3-", 5);
}

static inline void chain_take_headers(struct chain *c, const struct http_head *head)
{
	for (size_t i = 0; i < head->nr; i++)
		if (chain_passes_on(head->header[i].name))
			buf_printf(&c->headers, "%s: %s\r\n", head->header[i].name,
				   head->header[i].value);
}

/* The first address that accepts; a blocking socket, or -errno. */
static inline int chain_connect(const char *host_port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *it;
	struct timeval limit = { CHAIN_TIMEOUT, 0 };
	char host[256], port[8];
	int fd = -1, err = address_split(host_port, host, port);

	if (err)
		return err;
	if (getaddrinfo(host, port, &hints, &list))
		return -EHOSTUNREACH;
	for (it = list; it && fd < 0; it = it->ai_next) {
		fd = socket(it->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0) {
			err = -errno;
			continue;
		}
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		if (!connect(fd, it->ai_addr, it->ai_addrlen))
			break;
		err = -errno;
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd < 0 ? err : fd;
}

/* "http://host[:port]/path"; the answer's status and body, or -errno. */
static inline int chain_call(const char *url, const struct buf *headers, struct buf *body)
{
	struct buf request = { 0 };
	char host_port[300];
	const char *path;
	int fd, status;
	size_t n;

	if (strncmp(url, "http://", 7))
		return -EINVAL;
	url += 7;
	n = strcspn(url, "/");
	path = url[n] ? url + n : "/";
	if (!n || n > 255)
		return -EINVAL;
	snprintf(host_port, sizeof(host_port), "%.*s%s", (int)n, url,
		 memchr(url, ':', n) ? "" : ":80");
	fd = chain_connect(host_port);
	if (fd < 0)
		return fd;
	buf_printf(&request, "GET %s HTTP/1.1\r\nhost: %.*s\r\n%.*sconnection: close\r\n\r\n", path,
		   (int)n, url, (int)headers->nr, headers->nr ? headers->at : "");
	status = http_call(fd, &request, body);
	buf_free(&request);
	close(fd);
	return status;
}

/* Makes the calls in turn and adds their outcomes to `out` as the items of a JSON list. */
static inline void chain_run(const struct chain *c, struct buf *out)
{
	for (size_t i = 0; i < c->nr; i++) {
		struct buf body = { 0 };
		int status = chain_call(c->url[i], &c->headers, &body);

		buf_text(out, i ? ",{\"url\":" : "{\"url\":");
		buf_json(out, c->url[i]);
		if (status < 0)
			buf_printf(out, ",\"error\":\"%s\"}", strerrorname_np(-status));
		else
			buf_printf(out, ",\"status\":%d,\"body\":", status);
		if (status >= 0 && body.nr && body.at[0] == '{')
			buf_add(out, body.at, body.nr);
		else if (status >= 0)
			buf_json(out, body.nr ? body.at : "");
		buf_text(out, status < 0 ? "" : "}");
		buf_free(&body);
	}
}

#endif
