// SPDX-License-Identifier: GPL-2.0
/* What the variables of a header's value stand for. */
#include "proxy/format.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "proxy/head.h"

static bool put_text(FILE *out, struct http_text t)
{
	fwrite(t.at, 1, t.length, out);
	return t.length;
}

static bool put_address(FILE *out, const struct inet *a, unsigned port)
{
	char text[INET_TEXT + 8];

	fputs(port ? inet_print_port(a, port, text) : inet_print(a, text), out);
	return true;
}

static bool put_time(FILE *out, const struct timespec *t)
{
	char text[32];
	struct tm tm;

	gmtime_r(&t->tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, "%s.%03ldZ", text, t->tv_nsec / 1000000);
	return true;
}

static bool put_hostname(FILE *out)
{
	char name[256] = "";

	gethostname(name, sizeof(name) - 1);
	fputs(name, out);
	return *name;
}

/* "REQ(name)": the header; pseudo headers too. */
static bool put_request_header(FILE *out, const struct client *c, const char *name)
{
	struct http_text value;
	char *joined;
	bool found = http_header_find(&c->request.asked, name, &value, &joined);

	if (found)
		put_text(out, value);
	free(joined);
	return found;
}

static bool put_plain(FILE *out, const struct client *c, const char *name)
{
	const struct request *r = &c->request;

	if (!strcmp(name, "DOWNSTREAM_REMOTE_ADDRESS"))
		return put_address(out, &c->peer, c->peer_port);
	if (!strcmp(name, "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"))
		return put_address(out, &c->peer, 0);
	if (!strcmp(name, "DOWNSTREAM_LOCAL_ADDRESS"))
		return put_address(out, &c->dialled, c->port);
	if (!strcmp(name, "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT"))
		return put_address(out, &c->dialled, 0);
	if (!strcmp(name, "DOWNSTREAM_LOCAL_PORT"))
		return fprintf(out, "%u", c->port) > 0;
	if (!strcmp(name, "UPSTREAM_REMOTE_ADDRESS"))
		return r->endpoint && put_address(out, &r->endpoint->address, r->endpoint->port);
	if (!strcmp(name, "UPSTREAM_CLUSTER"))
		return r->destination && fputs(r->destination->table->name, out) >= 0;
	if (!strcmp(name, "ROUTE_NAME"))
		return r->route && fputs(r->route->rule->name, out) >= 0;
	if (!strcmp(name, "PROTOCOL"))
		return fprintf(out, "HTTP/1.%u", c->parser.head.minor) > 0;
	if (!strcmp(name, "RESPONSE_CODE"))
		return r->status && fprintf(out, "%u", r->status) > 0;
	if (!strcmp(name, "START_TIME"))
		return put_time(out, &r->began_at);
	return !strcmp(name, "HOSTNAME") && put_hostname(out);
}

static bool put_variable(FILE *out, const struct client *c, const char *text, size_t length)
{
	char name[256];

	if (length >= sizeof(name))
		return false;
	memcpy(name, text, length);
	name[length] = '\0';
	if (!strncmp(name, "REQ(", 4) && name[length - 1] == ')') {
		name[length - 1] = '\0';
		return put_request_header(out, c, name + 4);
	}
	return put_plain(out, c, name);
}

char *format_expand(const struct client *c, const char *text)
{
	char *expanded = NULL;
	size_t size;
	FILE *out = open_memstream(&expanded, &size);
	bool known = true;

	while (*text && known) {
		const char *end;

		if (*text != '%') {
			fputc(*text++, out);
			continue;
		}
		end = strchr(text + 1, '%');
		if (end == text + 1)
			fputc('%', out);
		else
			known = end && put_variable(out, c, text + 1, (size_t)(end - text - 1));
		text = end ? end + 1 : text;
	}
	fclose(out);
	if (known)
		return expanded;
	free(expanded);
	return NULL;
}
