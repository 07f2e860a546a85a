/* SPDX-License-Identifier: GPL-2.0 */
/* As much HTTP/1.1 as the test tools speak: a request's head, and a call that waits for its end. */
#ifndef TOOLS_HTTP_H
#define TOOLS_HTTP_H

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <strings.h>
#include <sys/socket.h>

#include "buf.h"

#define HTTP_MAX_HEAD 65536
#define HTTP_MAX_HEADERS 64

struct http_header {
	char *name, *value;
};

struct http_head {
	char *first[3]; /* the words of the first line */
	struct http_header header[HTTP_MAX_HEADERS];
	size_t nr;
	size_t size; /* bytes, the empty line included */
};

static inline const char *http_header(const struct http_head *h, const char *name)
{
	for (size_t i = 0; i < h->nr; i++)
		if (!strcasecmp(h->header[i].name, name))
			return h->header[i].value;
	return NULL;
}

/* Cuts the text at *at up to a line's end; the line, with its end gone. */
static inline char *http_line(char **at)
{
	char *line = *at, *end = strstr(line, "\r\n");

	*end = '\0';
	*at = end + 2;
	return line;
}

/*
 * Reads the head at the front of `in` and cuts it up in place: it points into `in` until that is
 * changed. -EAGAIN: not all there; -EINVAL: no HTTP.
 */
static inline int http_parse(struct buf *in, struct http_head *out)
{
	char *end = in->nr ? memmem(in->at, in->nr, "\r\n\r\n", 4) : NULL, *at = in->at, *line;

	if (!end)
		return in->nr > HTTP_MAX_HEAD ? -EINVAL : -EAGAIN;
	memset(out, 0, sizeof(*out));
	out->size = (size_t)(end + 4 - in->at);
	if (memchr(in->at, '\0', out->size))
		return -EINVAL;
	line = http_line(&at);
	for (size_t i = 0; i < 3; i++)
		out->first[i] = i < 2 ? strsep(&line, " ") : line;
	if (!out->first[1])
		return -EINVAL;
	while (at < end + 2) {
		struct http_header *h = &out->header[out->nr];

		line = http_line(&at);
		if (out->nr++ == HTTP_MAX_HEADERS)
			return -EINVAL;
		h->name = strsep(&line, ":");
		if (!line)
			return -EINVAL;
		h->value = line + strspn(line, " \t");
	}
	return 0;
}

/* Undoes %XX and + in place. */
static inline void http_unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '%' && isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2])) {
			char hex[3] = { s[1], s[2], '\0' };

			*to++ = (char)strtoul(hex, NULL, 16);
			s += 2;
		} else {
			*to++ = *s == '+' ? ' ' : *s;
		}
	}
	*to = '\0';
}

/* Copies the nth value of a query's parameter, unescaped; false: there is none. */
static inline bool http_parameter(const char *target, const char *name, unsigned nth, char *out,
				  size_t size)
{
	const char *at = strchr(target, '?');
	size_t length = strlen(name);

	while (at++) {
		size_t n = strcspn(at, "&");

		if (!strncmp(at, name, length) && at[length] == '=' && !nth--) {
			n -= length + 1;
			n = n < size ? n : size - 1;
			memcpy(out, at + length + 1, n);
			out[n] = '\0';
			http_unescape(out);
			return true;
		}
		at = strchr(at, '&');
	}
	return false;
}

static inline int http_send(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t done = send(fd, text, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		text += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Adds what comes next; 1 at the end of the stream, -EAGAIN when the socket's timeout ran out. */
static inline int http_receive(int fd, struct buf *in)
{
	ssize_t n;

	buf_reserve(in, 4096);
	do
		n = recv(fd, in->at + in->nr, 4096, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	in->nr += (size_t)n;
	in->at[in->nr] = '\0';
	return n == 0;
}

/*
 * Sends a whole request on a blocking socket and reads the answer; `body` takes the answer's body.
 * The status, or -ECONNRESET when the stream ended too early, -EINVAL for what is no HTTP.
 */
static inline int http_call(int fd, const struct buf *request, struct buf *body)
{
	size_t length = SIZE_MAX;
	struct http_head head;
	const char *value;
	int status, err = http_send(fd, request->at, request->nr);

	while (!err && (err = http_parse(body, &head)) == -EAGAIN)
		err = http_receive(fd, body);
	if (err)
		return err == 1 ? -ECONNRESET : err;
	value = http_header(&head, "content-length");
	if (value)
		length = strtoul(value, NULL, 10);
	status = atoi(head.first[1]);
	buf_consume(body, head.size);
	while (body->nr < length && !err)
		err = http_receive(fd, body);
	if (err < 0 || (err && value))
		return err == 1 ? -ECONNRESET : err;
	return status;
}

#endif
