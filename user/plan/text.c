// SPDX-License-Identifier: GPL-2.0
/* Matches and actions of http rules as words for people. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/retries.h"
#include "plan/host.h"
#include "plan/text.h"

const char *duration_print(int64_t ns, char out[32])
{
	static const struct {
		int64_t ns;
		const char *name;
	} units[] = {{3600000000000, "h"}, {60000000000, "m"}, {1000000000, "s"}, {1000000, "ms"},
		     {1000, "us"}};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (ns && ns % units[i].ns == 0) {
			snprintf(out, 32, "%" PRId64 "%s", ns / units[i].ns, units[i].name);
			return out;
		}
		if (units[i].ns == 1000000000 && ns > units[i].ns && ns % 1000000 == 0) {
			snprintf(out, 32, "%gs", (double)ns / 1e9);
			return out;
		}
	}
	snprintf(out, 32, "%" PRId64 "%s", ns, ns ? "ns" : "s");
	return out;
}

const char *millionths_print(uint32_t millionths, char out[16])
{
	snprintf(out, 16, "%g%%", millionths / 10000.0);
	return out;
}

/* ---- matches ---- */

static void value_print(const struct string_match *m, FILE *out)
{
	switch (m->how) {
	case MATCH_EXACT:
		fprintf(out, " = %s", m->text);
		break;
	case MATCH_PREFIX:
		fprintf(out, " prefix %s", m->text);
		break;
	case MATCH_REGEX:
		fprintf(out, " ~ %s", m->text);
		break;
	case MATCH_ELEMENTS:
		fprintf(out, " below %s", m->text);
		break;
	case MATCH_PRESENT:
		fprintf(out, " is there");
		break;
	case MATCH_ABSENT:
	case MATCH_UNSET:
		break;
	}
}

static void one_print(const char *what, const struct string_match *m, size_t *nr, FILE *out)
{
	if (m->how == MATCH_UNSET)
		return;
	fprintf(out, "%s%s", (*nr)++ ? " and " : "", what);
	value_print(m, out);
}

static void named_print(const char *what, const struct named_matches *list, size_t *nr, FILE *out)
{
	for (size_t i = 0; i < list->nr; i++) {
		fprintf(out, "%s%s%s", (*nr)++ ? " and " : "", what, list->at[i].name);
		value_print(&list->at[i].value, out);
	}
}

/* withoutHeaders: what must not be there, or not have that value. */
static void without_print(const struct named_matches *list, size_t *nr, FILE *out)
{
	for (size_t i = 0; i < list->nr; i++) {
		const struct named_match *m = &list->at[i];
		bool absent = m->value.how == MATCH_ABSENT || m->value.how == MATCH_UNSET;

		fprintf(out, "%s%s header %s", (*nr)++ ? " and " : "", absent ? "no" : "not",
			m->name);
		value_print(&m->value, out);
	}
}

char *match_text(const struct http_match *m)
{
	char *text;
	size_t size, nr = 0;
	FILE *out = open_memstream(&text, &size);

	one_print("uri", &m->uri, &nr, out);
	if (m->ignore_uri_case && m->uri.how != MATCH_UNSET)
		fputs(" in any case", out);
	one_print("method", &m->method, &nr, out);
	one_print("authority", &m->authority, &nr, out);
	one_print("scheme", &m->scheme, &nr, out);
	named_print("header ", &m->headers, &nr, out);
	without_print(&m->without_headers, &nr, out);
	named_print("query ", &m->query, &nr, out);
	if (!nr)
		fputs("always", out);
	fclose(out);
	return text;
}

/* ---- actions ---- */

static void fault_print(const struct http_fault *f, const char *indent, FILE *out)
{
	char percent[16], time[32];

	if (f->delay)
		fprintf(out, "%sdelay %s of %s\n", indent, duration_print(f->delay->delay, time),
			millionths_print(f->delay->millionths, percent));
	if (f->abort && f->abort->status)
		fprintf(out, "%sabort %u of %s\n", indent, f->abort->status,
			millionths_print(f->abort->millionths, percent));
	else if (f->abort && *f->abort->grpc_status)
		fprintf(out, "%sabort grpc %s of %s\n", indent, f->abort->grpc_status,
			millionths_print(f->abort->millionths, percent));
}

static void redirect_print(const struct http_redirect *r, const char *indent, FILE *out)
{
	fprintf(out, "%sredirect %u", indent, r->code);
	if (r->scheme)
		fprintf(out, " scheme %s", r->scheme);
	if (r->authority)
		fprintf(out, " authority %s", r->authority);
	if (r->port)
		fprintf(out, " port %u", r->port);
	if (r->derive)
		fprintf(out, " port of the %s",
			r->derive == REDIRECT_PORT_REQUEST ? "request" : "protocol");
	if (r->uri)
		fprintf(out, " uri %s", r->uri);
	if (r->prefix_rewrite)
		fprintf(out, " prefix %s", r->prefix_rewrite);
	fputc('\n', out);
}

static void rewrite_print(const struct http_rewrite *r, const char *indent, FILE *out)
{
	fprintf(out, "%srewrite", indent);
	if (r->uri)
		fprintf(out, " uri %s", r->uri);
	if (r->regex)
		fprintf(out, " uri %s to %s", r->regex, r->replacement);
	if (r->authority)
		fprintf(out, " authority %s", r->authority);
	fputc('\n', out);
}

static void changes_print(const char *of, const struct header_changes *c, FILE *out)
{
	for (size_t i = 0; i < c->remove.nr; i++)
		fprintf(out, " %s remove %s", of, c->remove.at[i]);
	for (size_t i = 0; i < c->set.nr; i++)
		fprintf(out, " %s set %s: %s", of, c->set.at[i].name, c->set.at[i].value);
	for (size_t i = 0; i < c->add.nr; i++)
		fprintf(out, " %s add %s: %s", of, c->add.at[i].name, c->add.at[i].value);
}

void headers_print(const struct http_headers *h, const char *indent, FILE *out)
{
	fprintf(out, "%sheaders", indent);
	changes_print("request", &h->request, out);
	changes_print("response", &h->response, out);
	fputc('\n', out);
}

json_t *json_of_retry_on(uint32_t on)
{
	json_t *list = json_array();

	for (size_t i = 0; i < HTTP_RETRY_WORDS; i++)
		if (on & 1u << i)
			json_array_append_new(list, json_string(http_retry_words[i]));
	return list;
}

static void retries_print(const struct http_retries *r, const char *indent, FILE *out)
{
	char time[32];
	bool first = true;

	fprintf(out, "%sretries %u", indent, r->attempts);
	for (size_t i = 0; r->attempts && i < HTTP_RETRY_WORDS; i++) {
		if (!(r->on & 1u << i))
			continue;
		fprintf(out, "%s%s", first ? " on " : ",", http_retry_words[i]);
		first = false;
	}
	for (size_t i = 0; i < r->nr_status_codes; i++)
		fprintf(out, ",%u", r->status_codes[i]);
	if (r->per_try_timeout)
		fprintf(out, ", %s a try", duration_print(r->per_try_timeout, time));
	if (r->backoff)
		fprintf(out, ", back-off %s", duration_print(r->backoff, time));
	fputc('\n', out);
}

static void cors_print(const struct http_cors *c, const char *indent, FILE *out)
{
	fprintf(out, "%scors", indent);
	for (size_t i = 0; i < c->nr_allow_origins; i++) {
		fputs(" origin", out);
		value_print(&c->allow_origins[i], out);
	}
	for (size_t i = 0; i < c->allow_methods.nr; i++)
		fprintf(out, "%s%s", i ? "," : " methods ", c->allow_methods.at[i]);
	fputc('\n', out);
}

static void mirrors_print(const struct plan_rule *r, const char *indent, FILE *out)
{
	char percent[16];

	for (size_t i = 0; i < r->nr_mirrors; i++) {
		char *to = cluster_text(r->mirrors[i].cluster);

		fprintf(out, "%smirror %s to %s%s%s\n", indent,
			millionths_print(r->mirrors[i].millionths, percent), to,
			r->mirrors[i].cluster->unknown ? ": " : "",
			r->mirrors[i].cluster->unknown ? r->mirrors[i].cluster->unknown : "");
		free(to);
	}
}

void actions_print(const struct plan_rule *r, const char *indent, FILE *out)
{
	char time[32];

	if (r->fault)
		fault_print(r->fault, indent, out);
	if (r->cors)
		cors_print(r->cors, indent, out);
	if (r->redirect)
		redirect_print(r->redirect, indent, out);
	if (r->direct_response)
		fprintf(out, "%sanswer %u, %zu bytes\n", indent, r->direct_response->status,
			r->direct_response->body_length);
	if (r->rewrite)
		rewrite_print(r->rewrite, indent, out);
	if (r->headers)
		headers_print(r->headers, indent, out);
	if (r->timeout)
		fprintf(out, "%stimeout %s\n", indent, duration_print(r->timeout, time));
	if (r->retries)
		retries_print(r->retries, indent, out);
	mirrors_print(r, indent, out);
}

char *cluster_text(const struct plan_cluster *c)
{
	return xasprintf("%s%s%s:%u", c->subset, *c->subset ? " of " : "", c->host, c->port);
}
