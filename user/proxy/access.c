// SPDX-License-Identifier: GPL-2.0
/* Lines of the access log: which fields they have, and where those come from. */
#include "proxy/access.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "proxy/head.h"
#include "proxy/journal.h"
#include "proxy/line.h"
#include "proxy/proxy.h"
#include "proxy/format.h"

/* What fields may take of a line, escaped. */
#define PATH_MOST 1024
#define CLUSTER_MOST 352
#define AGENT_MOST 320
#define HOST_MOST 272
#define NAME_MOST 256
#define SHORT_MOST 128
#define METHOD_MOST 32
#define REST_MOST 1024 /* keys, numbers, addresses, flags */
_Static_assert(PATH_MOST + CLUSTER_MOST + AGENT_MOST + HOST_MOST + 2 * NAME_MOST + 3 * SHORT_MOST +
		       2 * METHOD_MOST + REST_MOST <= JOURNAL_LINE, "all of them together fit");

enum noted { NOTED_PATH, NOTED_FORWARDED, NOTED_AGENT, NOTED_ID, NR_NOTED };

/* A request as it is told. */
struct facts {
	const struct client *c;
	const struct request *r;
	struct http_text noted[NR_NOTED]; /* headers */
	const char *route;
	int64_t took; /* ns */
};

/* All that are wanted, in one walk. */
static void headers_note(struct facts *f)
{
	static const struct {
		const char *name;
		size_t length;
	} names[] = {
		[NOTED_PATH] = {"x-envoy-original-path", 21},
		[NOTED_FORWARDED] = {"x-forwarded-for", 15},
		[NOTED_AGENT] = {"user-agent", 10},
		[NOTED_ID] = {"x-request-id", 12},
	};
	const struct http_request *q = &f->r->asked;

	for (size_t i = 0; i < q->nr_headers; i++)
		for (size_t n = 0; n < NR_NOTED; n++)
			if (q->headers[i].name.length == names[n].length && !f->noted[n].length &&
			    !strncasecmp(q->headers[i].name.at, names[n].name, names[n].length))
				f->noted[n] = q->headers[i].value;
	if (*f->r->id)
		f->noted[NOTED_ID] = http_text(f->r->id);
	if (!f->noted[NOTED_PATH].length)
		f->noted[NOTED_PATH] = q->path;
}

/* ---- values ---- */

static void put_start(struct line *l, struct journal *j, const struct timespec *t)
{
	struct tm tm;

	if (j->second != t->tv_sec) {
		j->second = t->tv_sec;
		gmtime_r(&t->tv_sec, &tm);
		strftime(j->date, sizeof(j->date), "%Y-%m-%dT%H:%M:%S.", &tm);
	}
	line_text(l, j->date);
	line_padded(l, (uint64_t)t->tv_nsec / 1000000, 3);
	*l->at++ = 'Z';
}

/* Without it: "-", or null in JSON. */
static void put_none(struct line *l)
{
	line_text(l, l->json ? "null" : "-");
}

static void put_string(struct line *l, struct http_text text, size_t most, bool quoted)
{
	quoted |= l->json;
	if (!text.length && l->json) {
		put_none(l);
		return;
	}
	if (quoted)
		*l->at++ = '"';
	if (text.length)
		line_escaped(l, text, most);
	else
		*l->at++ = '-';
	if (quoted)
		*l->at++ = '"';
}

static void put_address(struct line *l, const struct inet *a, unsigned port, bool quoted)
{
	if (!port && l->json) {
		put_none(l);
		return;
	}
	quoted |= l->json;
	if (quoted)
		*l->at++ = '"';
	if (port)
		line_address(l, a, port);
	else
		*l->at++ = '-';
	if (quoted)
		*l->at++ = '"';
}

static void put_transport(struct line *l, const struct request *r)
{
	char text[SHORT_MOST] = "";

	if (r->transport)
		snprintf(text, sizeof(text), "delayed connect error: %s", strerror(r->transport));
	put_string(l, http_text(text), SHORT_MOST, true);
}

static void put_service_time(struct line *l, const struct request *r)
{
	if (r->upstream_took)
		line_number(l, (uint64_t)r->upstream_took / 1000000);
	else
		put_none(l);
}

static struct http_text protocol(const struct facts *f)
{
	if (!f->r->asked.method.length)
		return http_text("");
	return http_text(f->c->parser.head.minor ? "HTTP/1.1" : "HTTP/1.0");
}

static struct http_text cluster(const struct request *r)
{
	return http_text(r->destination ? r->destination->table->name : "");
}

static void put_upstream(struct line *l, const struct request *r)
{
	const struct endpoint *e = r->endpoint;

	put_address(l, e ? &e->address : NULL, e ? e->port : 0, true);
}

/* ---- the two forms ---- */

/* When, what and how it ended. */
static void text_request(struct line *l, const struct facts *f, struct journal *j)
{
	const struct request *r = f->r;
	char flags[FLAGS_TEXT];

	*l->at++ = '[';
	put_start(l, j, &r->began_at);
	line_text(l, "] \"");
	put_string(l, r->asked.method, METHOD_MOST, false);
	*l->at++ = ' ';
	put_string(l, f->noted[NOTED_PATH], PATH_MOST, false);
	*l->at++ = ' ';
	put_string(l, protocol(f), METHOD_MOST, false);
	line_text(l, "\" ");
	line_number(l, r->status);
	*l->at++ = ' ';
	line_text(l, flags_print(r->flags, flags));
	*l->at++ = ' ';
	put_string(l, http_text(r->details), SHORT_MOST, false);
}

static void text_put(struct line *l, const struct facts *f, struct journal *j)
{
	const struct client *c = f->c;
	const struct request *r = f->r;

	text_request(l, f, j);
	line_text(l, " - ");
	put_transport(l, r);
	*l->at++ = ' ';
	line_number(l, r->received);
	*l->at++ = ' ';
	line_number(l, r->sent_bytes);
	*l->at++ = ' ';
	line_number(l, (uint64_t)f->took / 1000000);
	*l->at++ = ' ';
	put_service_time(l, r);
	*l->at++ = ' ';
	put_string(l, f->noted[NOTED_FORWARDED], NAME_MOST, true);
	*l->at++ = ' ';
	put_string(l, f->noted[NOTED_AGENT], AGENT_MOST, true);
	*l->at++ = ' ';
	put_string(l, f->noted[NOTED_ID], SHORT_MOST, true);
	*l->at++ = ' ';
	put_string(l, r->asked.authority, HOST_MOST, true);
	*l->at++ = ' ';
	put_upstream(l, r);
	*l->at++ = ' ';
	put_string(l, cluster(r), CLUSTER_MOST, false);
	*l->at++ = ' ';
	put_address(l, &r->local, r->local_port, false);
	*l->at++ = ' ';
	put_address(l, &c->dialled, c->port, false);
	*l->at++ = ' ';
	put_address(l, &c->peer, c->peer_port, false);
	line_text(l, " - ");
	put_string(l, http_text(f->route), NAME_MOST, false);
	*l->at++ = '\n';
}

static void json_string(struct line *l, const char *key, struct http_text value, size_t most)
{
	line_text(l, key);
	put_string(l, value, most, true);
}

static void json_number(struct line *l, const char *key, uint64_t value)
{
	line_text(l, key);
	line_number(l, value);
}

static void json_address(struct line *l, const char *key, const struct inet *a, unsigned port)
{
	line_text(l, key);
	put_address(l, a, port, true);
}

/* Where it came from and went to. */
static void json_ends(struct line *l, const struct facts *f)
{
	const struct client *c = f->c;
	const struct request *r = f->r;

	line_text(l, ",\"upstream_host\":");
	put_upstream(l, r);
	json_string(l, ",\"upstream_cluster\":", cluster(r), CLUSTER_MOST);
	json_address(l, ",\"upstream_local_address\":", &r->local, r->local_port);
	json_address(l, ",\"downstream_local_address\":", &c->dialled, c->port);
	json_address(l, ",\"downstream_remote_address\":", &c->peer, c->peer_port);
	line_text(l, ",\"requested_server_name\":null,\"upstream_transport_failure_reason\":");
	put_transport(l, r);
	line_text(l, "}\n");
}

static void json_put(struct line *l, const struct facts *f, struct journal *j)
{
	const struct request *r = f->r;
	char flags[FLAGS_TEXT];

	line_text(l, "{\"start_time\":\"");
	put_start(l, j, &r->began_at);
	json_string(l, "\",\"route_name\":", http_text(f->route), NAME_MOST);
	json_string(l, ",\"method\":", r->asked.method, METHOD_MOST);
	json_string(l, ",\"path\":", f->noted[NOTED_PATH], PATH_MOST);
	json_string(l, ",\"protocol\":", protocol(f), METHOD_MOST);
	json_number(l, ",\"response_code\":", r->status);
	json_string(l, ",\"response_flags\":", http_text(flags_print(r->flags, flags)), SHORT_MOST);
	json_string(l, ",\"response_code_details\":",
		    http_text(strcmp(r->details, "-") ? r->details : ""), SHORT_MOST);
	line_text(l, ",\"connection_termination_details\":null");
	json_number(l, ",\"bytes_received\":", r->received);
	json_number(l, ",\"bytes_sent\":", r->sent_bytes);
	json_number(l, ",\"duration\":", (uint64_t)f->took / 1000000);
	line_text(l, ",\"upstream_service_time\":");
	put_service_time(l, r);
	json_string(l, ",\"x_forwarded_for\":", f->noted[NOTED_FORWARDED], NAME_MOST);
	json_string(l, ",\"user_agent\":", f->noted[NOTED_AGENT], AGENT_MOST);
	json_string(l, ",\"request_id\":", f->noted[NOTED_ID], SHORT_MOST);
	json_string(l, ",\"authority\":", r->asked.authority, HOST_MOST);
	json_ends(l, f);
}

void access_log(struct client *c)
{
	struct journal *j = journal_of(c->worker);
	struct facts f = {.c = c, .r = &c->request};
	struct line l = {0};
	char route[FORMAT_ROUTE_NAME];

	if (!j)
		return;
	l.at = j->line;
	l.json = c->worker->proxy->log_json;
	headers_note(&f);
	f.route = format_route_name(f.r, route);
	f.took = monotonic_now() - f.r->began;
	if (l.json)
		json_put(&l, &f, j);
	else
		text_put(&l, &f, j);
	journal_put(c->worker, (size_t)(l.at - j->line));
}

void access_connected(struct client *c)
{
	struct request *r = &c->request;
	struct upstream *u = r->upstream;
	struct sockaddr_storage at;
	socklen_t size = sizeof(at);

	if (!journal_of(c->worker))
		return;
	if (!u->local_port && !getsockname(u->stream.source.fd, (struct sockaddr *)&at, &size))
		address_read(&at, &u->local, &u->local_port);
	r->local = u->local;
	r->local_port = u->local_port;
}
