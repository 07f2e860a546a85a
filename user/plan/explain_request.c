// SPDX-License-Identifier: GPL-2.0
/* What an explanation is asked about: a request, and who sends it. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "http/rewrite.h"
#include "plan/explain.h"

static struct http_text trimmed(const char *from, const char *to)
{
	while (from < to && isspace((unsigned char)*from))
		from++;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	return (struct http_text){from, (size_t)(to - from)};
}

static bool text_is(struct http_text t, const char *s)
{
	return t.length == strlen(s) && !strncasecmp(t.at, s, t.length);
}

/* "NAME: VALUE"; Host is the authority. */
static bool header_read(struct telling *t, const char *line)
{
	const char *end = line + strlen(line), *colon = strchr(line + (*line == ':'), ':');
	struct http_header h;

	if (!colon)
		return false;
	h.name = trimmed(line, colon);
	h.value = trimmed(colon + 1, end);
	if (!h.name.length || memchr(h.name.at, ' ', h.name.length))
		return false;
	if (text_is(h.name, "host") || text_is(h.name, ":authority"))
		t->request.authority = h.value;
	else if (*h.name.at == ':')
		return false;
	else
		vec_push(&t->headers, h);
	return true;
}

/* What follows the authority of a URL; NULL: it is none, or has no path. */
static const char *url_path(const char *target)
{
	const char *rest = strstr(target, "://");

	return rest ? strpbrk(rest + 3, "/?#") : NULL;
}

/* As a client writes it: without the port that the scheme implies. */
static struct http_text authority_of(struct telling *t)
{
	unsigned implied = text_is(t->request.scheme, "https") ? 443 : 80;
	bool bare = t->target.is_address && !inet_is_v4(&t->target.address);
	const char *host = t->target.host;
	struct arena *a = t->scratch.arena;

	if (bare)
		host = arena_printf(a, "[%s]", host);
	if (t->target.port && t->target.port != implied)
		host = arena_printf(a, "%s:%u", host, t->target.port);
	return http_text(host);
}

/* Of the address, with at least a slash, in the form that the proxy gives it. */
static struct http_text path_of(struct telling *t)
{
	const char *path = t->question->path ? t->question->path : url_path(t->question->target);
	struct http_text text = http_text(path ? path : "/");
	char *normal;

	if (*text.at != '/' && strcmp(text.at, "*"))
		text = http_text(
			arena_printf(t->scratch.arena, "/%s", *text.at == '#' ? "" : text.at));
	text.length = strcspn(text.at, "#");
	normal = http_path_normalize(text);
	if (normal)
		text = http_text(arena_strdup(t->scratch.arena, normal));
	free(normal);
	return text;
}

bool request_read(struct telling *t, char **why)
{
	const struct plan_question *q = t->question;
	bool https = !strncasecmp(q->target, "https:", 6) || !strncasecmp(q->target, "wss:", 4);
	bool http =
		https || !strncasecmp(q->target, "http:", 5) || !strncasecmp(q->target, "ws:", 3);

	t->asked = q->method || q->path || q->nr_headers || http;
	t->request = (struct http_request){.method = http_text(q->method ? q->method : "GET"),
					   .scheme = http_text(https ? "https" : "http"),
					   .path = path_of(t)};
	if (q->path && *q->path != '/' && strcmp(q->path, "*")) {
		*why = xasprintf("%s: want a path that begins with /", q->path);
		return false;
	}
	for (size_t i = 0; i < q->nr_headers; i++) {
		if (header_read(t, q->headers[i]))
			continue;
		*why = xasprintf("header \"%s\": want NAME: VALUE", q->headers[i]);
		return false;
	}
	if (!t->request.authority.at)
		t->request.authority = authority_of(t);
	t->request.headers = t->headers.at;
	t->request.nr_headers = t->headers.nr;
	return true;
}

void caller_read(struct telling *t)
{
	const char *from = t->question->from;

	t->namespace = "default";
	if (!from)
		return;
	t->namespace = arena_strndup(t->scratch.arena, from, strcspn(from, "/"));
	t->planner.caller = plan_scope_from(t->plan, t->planner.set, from, &t->pod);
}

/* There are scopes of Pods of the namespace that is asked for, and none without their labels. */
static bool namespace_differs(const struct telling *t)
{
	const struct strmap_entry *e;

	strmap_each(&t->plan->scopes, e) {
		const struct plan_scope *s = e->value;

		if (!t->planner.caller && !strcmp(s->namespace, t->question->from))
			return true;
	}
	return false;
}

void caller_tell(struct telling *t)
{
	const struct plan_scope *s = t->planner.caller;
	const char *from = t->question->from;

	if (!from)
		return;
	if (!t->pod && strchr(from, '/'))
		step_note(t, OUTCOME_NOTE, "no Pod %s is known: it sees what everyone sees", from);
	else if (s)
		step(t, OUTCOME_NOTE, t->pod, "", t->pod ? &t->pod->place : NULL,
		     "%s is one of the callers %s", t->pod ? t->pod->id : from, s->key);
	else if (namespace_differs(t))
		step_note(t, OUTCOME_NOTE,
			  "every known Pod of %s has labels that rules ask for: this is what "
			  "everyone sees, want %s/POD", from, from);
	else if (t->pod)
		step(t, OUTCOME_NOTE, t->pod, "", &t->pod->place,
		     "%s sees what everyone sees: no rule asks for anything of it", t->pod->id);
	if (s && s->sidecar)
		step(t, OUTCOME_APPLIES, s->sidecar, "", &s->sidecar->place,
		     "%s says what the caller imports", s->sidecar->id);
}

static unsigned better(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

unsigned host_answers(const struct telling *t, const struct plan_host *h)
{
	struct http_text authority = t->request.authority;
	unsigned best = http_domain_match(h->host, authority);
	const char *dot = strchr(h->host, '.');
	char text[INET_TEXT + 2], address[INET_TEXT];

	for (size_t i = 0; i < h->nr_domains; i++)
		best = better(best, http_domain_match(h->domains[i], authority));
	for (size_t i = 0; i < h->nr_addresses; i++) {
		inet_print(&h->addresses[i], address);
		snprintf(text, sizeof(text), inet_is_v4(&h->addresses[i]) ? "%s" : "[%s]", address);
		best = better(best, http_domain_match(text, authority));
	}
	if (dot && id_in_namespace(h->id, t->namespace) && strstr(dot, ".svc.")) {
		char *first = xstrndup(h->host, (size_t)(dot - h->host));

		best = better(best, http_domain_match(first, authority));
		free(first);
	}
	return best;
}

json_t *request_json(const struct telling *t)
{
	const struct http_request *r = &t->request;
	json_t *headers;

	if (!t->asked)
		return json_null();
	headers = json_array();
	for (size_t i = 0; i < r->nr_headers; i++)
		json_array_append_new(headers, json_pack("{s:o, s:o}", "name",
							 json_stringn(r->headers[i].name.at,
								      r->headers[i].name.length),
							 "value",
							 json_stringn(r->headers[i].value.at,
								      r->headers[i].value.length)));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "method",
			 json_stringn(r->method.at, r->method.length), "scheme",
			 json_stringn(r->scheme.at, r->scheme.length), "authority",
			 json_stringn(r->authority.at, r->authority.length), "path",
			 json_stringn(r->path.at, r->path.length), "headers", headers);
}

json_t *caller_json(const struct telling *t)
{
	const struct plan_scope *s = t->planner.caller;

	return json_pack("{s:s, s:s, s:s}", "namespace", t->namespace, "pod",
			 t->pod ? t->pod->id : "", "scope", s ? s->key : "");
}
