// SPDX-License-Identifier: GPL-2.0
/* Answers preflights and marks the answers that a page of another origin may read. */
#include "proxy/cors.h"
#include <stdio.h>
#include <string.h>
#include "proxy/head.h"
#include "proxy/reply.h"

static const struct http_cors *policy_of(const struct client *c)
{
	return c->request.route ? c->request.route->rule->cors : NULL;
}

static bool allowed(const struct client *c, const struct http_cors *cors, struct http_text origin)
{
	return origin.length && http_origin_allowed(cors, origin, &c->request.view->regexes);
}

/* "GET,PUT"; a "*" among them stands for what was asked for. */
static void names_add(struct client *c, const char *name, const struct header_names *names,
		      const char *asked)
{
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!names->nr)
		return;
	for (size_t i = 0; i < names->nr; i++)
		if (asked && !strcmp(names->at[i], "*")) {
			head_add(c, name, head_header(c, asked));
			return;
		}
	out = open_memstream(&text, &size);
	for (size_t i = 0; i < names->nr; i++)
		fprintf(out, "%s%s", i ? "," : "", names->at[i]);
	fclose(out);
	head_add_copied(c, name, text);
	free(text);
}

static void origin_add(struct client *c, const struct http_cors *cors, struct http_text origin)
{
	head_add(c, "access-control-allow-origin", origin);
	if (cors->has_allow_credentials && cors->allow_credentials)
		head_add(c, "access-control-allow-credentials", http_text("true"));
}

bool cors_preflight(struct client *c)
{
	const struct http_cors *cors = policy_of(c);
	struct http_text origin = head_header(c, "origin");
	bool holds;

	if (!cors || !http_is_preflight(&c->request.asked))
		return false;
	holds = allowed(c, cors, origin);
	if (!holds && !cors->ignore_unmatched_preflights)
		return false;
	reply_headers(c);
	if (holds)
		origin_add(c, cors, origin);
	names_add(c, "access-control-allow-methods", &cors->allow_methods,
		  "access-control-request-method");
	names_add(c, "access-control-allow-headers", &cors->allow_headers,
		  "access-control-request-headers");
	if (cors->max_age >= 0)
		head_add_printed(c, "access-control-max-age", "%lld",
				 (long long)cors->max_age / 1000000000);
	c->request.details = "cors_response";
	reply(c, 200, "", 0, false);
	return true;
}

static void header_drop(struct http_header_list *l, const char *name)
{
	struct http_header *h;
	size_t kept = 0;

	vec_each (&l->list, h)
		if (!http_text_is(h->name, name))
			l->list.at[kept++] = *h;
	l->list.nr = kept;
}

void cors_answer(struct client *c)
{
	const struct http_cors *cors = policy_of(c);
	struct http_text origin;

	if (!cors)
		return;
	origin = head_header(c, "origin");
	if (!allowed(c, cors, origin))
		return;
	header_drop(&c->worker->headers, "access-control-allow-origin");
	origin_add(c, cors, origin);
	names_add(c, "access-control-expose-headers", &cors->expose_headers, NULL);
}
