// SPDX-License-Identifier: GPL-2.0
/* What the variables of a header's value stand for. */
#include "proxy/format.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "proxy/head.h"

const char *format_route_name(const struct request *r, char text[FORMAT_ROUTE_NAME])
{
	const char *match = r->taken ? r->taken->name : "";

	if (!r->route)
		return !r->unknown ? "" : r->destination ? "allow_any" : "block_all";
	if (!*match)
		return r->route->rule->name;
	snprintf(text, FORMAT_ROUTE_NAME, "%s.%s", r->route->rule->name, match);
	return text;
}

static void put_address(FILE *out, const struct inet *a, unsigned port)
{
	char text[INET_TEXT + 8];

	fputs(port ? inet_print_port(a, port, text) : inet_print(a, text), out);
}

static void put_time(FILE *out, const struct timespec *t)
{
	char text[32];
	struct tm tm;

	gmtime_r(&t->tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, "%s.%03ldZ", text, t->tv_nsec / 1000000);
}

static void put_hostname(FILE *out)
{
	char name[256] = "";

	gethostname(name, sizeof(name) - 1);
	fputs(name, out);
}

/* "REQ(name)": the header; pseudo headers too. "REQ(name?other)": the other one without it. */
static void put_request_header(FILE *out, const struct client *c, char *names)
{
	char *other = strchr(names, '?');
	struct http_text value;
	char *joined;
	bool found;

	if (other)
		*other++ = '\0';
	found = http_header_find(&c->request.asked, names, &value, &joined);
	if (!found && other)
		found = http_header_find(&c->request.asked, other, &value, &joined);
	if (found)
		fwrite(value.at, 1, value.length, out);
	free(joined);
}

static void put_upstream(FILE *out, const struct request *r, const char *name)
{
	char route[FORMAT_ROUTE_NAME];

	if (!strcmp(name, "UPSTREAM_REMOTE_ADDRESS") && r->endpoint)
		put_address(out, &r->endpoint->address, r->endpoint->port);
	else if (!strcmp(name, "UPSTREAM_CLUSTER") && r->destination)
		fputs(r->destination->table->name, out);
	else if (!strcmp(name, "ROUTE_NAME"))
		fputs(format_route_name(r, route), out);
	else if (!strcmp(name, "RESPONSE_CODE") && r->status)
		fprintf(out, "%u", r->status);
}

static void put_plain(FILE *out, const struct client *c, const char *name)
{
	if (!strcmp(name, "DOWNSTREAM_REMOTE_ADDRESS"))
		put_address(out, &c->peer, c->peer_port);
	else if (!strcmp(name, "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"))
		put_address(out, &c->peer, 0);
	else if (!strcmp(name, "DOWNSTREAM_LOCAL_ADDRESS"))
		put_address(out, &c->dialled, c->port);
	else if (!strcmp(name, "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT"))
		put_address(out, &c->dialled, 0);
	else if (!strcmp(name, "DOWNSTREAM_LOCAL_PORT"))
		fprintf(out, "%u", c->port);
	else if (!strcmp(name, "PROTOCOL"))
		fprintf(out, "HTTP/1.%u", c->parser.head.minor);
	else if (!strcmp(name, "START_TIME"))
		put_time(out, &c->request.began_at);
	else if (!strcmp(name, "HOSTNAME"))
		put_hostname(out);
	else
		put_upstream(out, &c->request, name);
}

static void put_variable(FILE *out, const struct client *c, const char *text, size_t length)
{
	char name[256];

	if (length >= sizeof(name))
		return;
	memcpy(name, text, length);
	name[length] = '\0';
	if (!strncmp(name, "REQ(", 4) && name[length - 1] == ')') {
		name[length - 1] = '\0';
		put_request_header(out, c, name + 4);
	} else {
		put_plain(out, c, name);
	}
}

char *format_expand(const struct client *c, const char *text)
{
	char *expanded = NULL;
	size_t size;
	FILE *out = open_memstream(&expanded, &size);

	while (*text) {
		const char *end;

		if (*text != '%') {
			fputc(*text++, out);
			continue;
		}
		end = strchr(text + 1, '%');
		if (end == text + 1)
			fputc('%', out);
		else if (end)
			put_variable(out, c, text + 1, (size_t)(end - text - 1));
		text = end ? end + 1 : text + 1;
	}
	fclose(out);
	if (size)
		return expanded;
	free(expanded);
	return NULL;
}
