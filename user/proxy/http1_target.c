// SPDX-License-Identifier: GPL-2.0
/* The four forms of a request target, of which an authority alone (CONNECT) is not served. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "proxy/http1_head.h"

/* Bytes of a name or an IPv4 address; a comma would join two. */
static bool is_host_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~!$&'()*+;=%", c));
}

static bool is_literal_byte(char c)
{
	return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') ||
	       c == ':' || c == '.';
}

static bool is_port(const char *at, size_t length)
{
	unsigned port = 0;

	if (length > 5)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		port = port * 10 + (at[i] - '0');
	}
	return port <= 65535;
}

/* NAME, 10.0.0.1 or [::1], and a port that may be empty. */
static bool is_authority(struct http_text t)
{
	size_t i = 0;

	if (t.length && t.at[0] == '[') {
		for (i = 1; i < t.length && is_literal_byte(t.at[i]); i++)
			;
		if (i < 3 || i == t.length || t.at[i++] != ']')
			return false;
	} else {
		while (i < t.length && is_host_byte(t.at[i]))
			i++;
	}
	if (!i || i == t.length)
		return i;
	return t.at[i] == ':' && is_port(t.at + i + 1, t.length - i - 1);
}

/* scheme://authority/path?query; the header Host counts for nothing beside it (RFC 9112, 3.2.2). */
static int absolute_read(struct http1 *p, struct http_text target)
{
	bool tls = target.length > 8 && !strncasecmp(target.at, "https://", 8);
	struct http_request *r = &p->head.request;
	size_t begin = tls ? 8 : 7, end;

	if (!tls && (target.length <= 7 || strncasecmp(target.at, "http://", 7)))
		return http1_refuse(p, 400, "the target is neither a path nor an http URL");
	for (end = begin; end < target.length && target.at[end] != '/' && target.at[end] != '?';)
		end++;
	r->scheme = tls ? http_text("https") : http_text("http");
	r->authority = (struct http_text){target.at + begin, end - begin};
	if (!is_authority(r->authority))
		return http1_refuse(p, 400, "the target's host is not valid");
	if (end < target.length && target.at[end] == '?') {
		/* the path "/" needs a byte: the authority moves over the scheme's last one */
		char *at = p->lines.at + (r->authority.at - p->lines.at);

		memmove(at - 1, at, r->authority.length);
		at[r->authority.length - 1] = '/';
		r->authority.at--;
		end--;
	}
	r->path = (struct http_text){target.at + end, target.length - end};
	if (!r->path.length)
		r->path = http_text(http_text_is(r->method, "OPTIONS") ? "*" : "/");
	return 0;
}

int http1_target_read(struct http1 *p, const struct http_text *host)
{
	struct http_request *r = &p->head.request;
	struct http_text target = r->path;

	if (host && !is_authority(*host))
		return http1_refuse(p, 400, "Host is not valid");
	if (!target.length || memchr(target.at, '#', target.length))
		return http1_refuse(p, 400, "the target has a fragment");
	r->authority = host ? *host : http_text("");
	r->scheme = http_text("");
	if (target.at[0] == '/')
		return 0;
	if (target.at[0] != '*')
		return absolute_read(p, target);
	if (target.length > 1 || !http_text_is(r->method, "OPTIONS"))
		return http1_refuse(p, 400, "the target * is not one of OPTIONS");
	return 0;
}
