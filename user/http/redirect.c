// SPDX-License-Identifier: GPL-2.0
/* Where a redirect sends the client. */
#include <stdio.h>
#include <string.h>
#include "http/prefix.h"
#include "http/rewrite.h"

static bool text_equals(struct http_text t, const char *s)
{
	return strlen(s) == t.length && !memcmp(t.at, s, t.length);
}

/* The port that is written: none where the scheme implies it. 0: none. */
static unsigned port_wanted(const struct http_redirect *d, const struct http_listener *listener)
{
	unsigned port = d->port ? d->port : d->derive == REDIRECT_PORT_REQUEST ? listener->port : 0;
	bool tls = d->scheme ? !strcmp(d->scheme, "https") : listener->tls;

	return port == (tls ? 443 : 80) ? 0 : port;
}

/* ":8080" at the end of an authority, or its end. */
static size_t port_begin(struct http_text authority)
{
	size_t at = authority.length;

	while (at && authority.at[at - 1] != ':' && authority.at[at - 1] != ']')
		at--;
	return at && authority.at[at - 1] == ':' ? at - 1 : authority.length;
}

/* The request's own, without its port when another is asked for or the old scheme implied it. */
static struct http_text host_kept(const struct http_redirect *d, const struct http_request *r)
{
	struct http_text host = r->authority, port = host;
	size_t begin = port_begin(host);
	bool asked = d->port || d->derive == REDIRECT_PORT_REQUEST;
	bool changes = d->scheme && !text_equals(r->scheme, d->scheme);

	port = (struct http_text){host.at + begin, host.length - begin};
	if (asked || (changes && text_equals(r->scheme, "http") && text_equals(port, ":80")) ||
	    (changes && text_equals(r->scheme, "https") && text_equals(port, ":443")))
		host.length = begin;
	return host;
}

static void path_put(FILE *out, const struct http_redirect *d, const struct http_match *taken,
		     const struct http_request *r)
{
	struct http_text path = http_path(r), rest = r->path;
	size_t cut = 0;

	if (d->uri) {
		fputs(d->uri, out);
		cut = strchr(d->uri, '?') ? rest.length : path.length;
	} else if (d->prefix_rewrite) {
		fputs(d->prefix_rewrite, out);
		cut = prefix_length(taken, path);
	}
	fwrite(rest.at + cut, 1, rest.length - cut, out);
}

char *http_redirect_location(const struct http_redirect *d, const struct http_match *taken,
			     const struct http_request *r, const struct http_listener *listener)
{
	struct http_text scheme = d->scheme ? http_text(d->scheme) : r->scheme;
	struct http_text host = d->authority ? http_text(d->authority) : host_kept(d, r);
	unsigned port = port_wanted(d, listener);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "%.*s://%.*s", (int)scheme.length, scheme.at, (int)host.length, host.at);
	if (port)
		fprintf(out, ":%u", port);
	path_put(out, d, taken, r);
	fclose(out);
	return text;
}
