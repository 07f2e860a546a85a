// SPDX-License-Identifier: GPL-2.0
/* The http rules of a port for programs. What a rule does not have is left out. */
#include <string.h>
#include "plan/host.h"
#include "plan/text.h"

static void put(json_t *to, const char *key, json_t *value)
{
	json_object_set_new(to, key, value);
}

static void put_text(json_t *to, const char *key, const char *text)
{
	if (text)
		put(to, key, json_string(text));
}

/* ---- matches ---- */

static json_t *json_of_value(const struct string_match *m)
{
	static const char *const words[] = {
		[MATCH_UNSET] = "unset",   [MATCH_PRESENT] = "present", [MATCH_ABSENT] = "absent",
		[MATCH_EXACT] = "exact",   [MATCH_PREFIX] = "prefix",	[MATCH_REGEX] = "regex",
		[MATCH_ELEMENTS] = "elements"};
	json_t *out = json_object();

	if (m->how == MATCH_PRESENT || m->how == MATCH_ABSENT || m->how == MATCH_UNSET)
		put(out, words[m->how], json_true());
	else
		put(out, words[m->how], json_string(m->text));
	return out;
}

static void put_value(json_t *to, const char *key, const struct string_match *m)
{
	if (m->how != MATCH_UNSET)
		put(to, key, json_of_value(m));
}

static void put_named(json_t *to, const char *key, const struct named_matches *list)
{
	json_t *out;

	if (!list->nr)
		return;
	out = json_object();
	for (size_t i = 0; i < list->nr; i++)
		put(out, list->at[i].name, json_of_value(&list->at[i].value));
	put(to, key, out);
}

json_t *json_of_match(const struct plan_match *match)
{
	const struct http_match *m = &match->http;
	json_t *out = json_pack("{s:o}", "from", json_of_source(&match->from));

	if (m->name && *m->name)
		put_text(out, "name", m->name);
	put_value(out, "uri", &m->uri);
	if (m->ignore_uri_case)
		put(out, "ignore_uri_case", json_true());
	put_value(out, "scheme", &m->scheme);
	put_value(out, "method", &m->method);
	put_value(out, "authority", &m->authority);
	put_named(out, "headers", &m->headers);
	put_named(out, "without_headers", &m->without_headers);
	put_named(out, "query_params", &m->query);
	if (m->stat_prefix && *m->stat_prefix)
		put_text(out, "stat_prefix", m->stat_prefix);
	return out;
}

/* ---- actions ---- */

static json_t *json_of_changes(const struct header_changes *c)
{
	json_t *set = json_object(), *add = json_object(), *removed = json_array();

	for (size_t i = 0; i < c->set.nr; i++)
		put(set, c->set.at[i].name, json_string(c->set.at[i].value));
	for (size_t i = 0; i < c->add.nr; i++)
		put(add, c->add.at[i].name, json_string(c->add.at[i].value));
	for (size_t i = 0; i < c->remove.nr; i++)
		json_array_append_new(removed, json_string(c->remove.at[i]));
	return json_pack("{s:o, s:o, s:o}", "set", set, "add", add, "remove", removed);
}

json_t *json_of_headers(const struct http_headers *h)
{
	return json_pack("{s:o, s:o}", "request", json_of_changes(&h->request), "response",
			 json_of_changes(&h->response));
}

static double percent_of(uint32_t millionths)
{
	return millionths / 10000.0;
}

static json_t *json_of_fault(const struct http_fault *f)
{
	json_t *out = json_object();

	if (f->delay) {
		json_t *delay = json_pack("{s:f}", "percent", percent_of(f->delay->millionths));

		json_put_time(delay, "fixed_delay", f->delay->delay);
		put(out, "delay", delay);
	}
	if (f->abort) {
		json_t *abort = json_pack("{s:f}", "percent", percent_of(f->abort->millionths));

		if (f->abort->status)
			put(abort, "http_status", json_integer(f->abort->status));
		if (f->abort->grpc_status && *f->abort->grpc_status)
			put_text(abort, "grpc_status", f->abort->grpc_status);
		put(out, "abort", abort);
	}
	return out;
}

static json_t *json_of_redirect(const struct http_redirect *r)
{
	json_t *out = json_pack("{s:i}", "code", r->code);

	put_text(out, "uri", r->uri);
	put_text(out, "prefix_rewrite", r->prefix_rewrite);
	put_text(out, "authority", r->authority);
	put_text(out, "scheme", r->scheme);
	if (r->port)
		put(out, "port", json_integer(r->port));
	if (r->derive)
		put_text(out, "derive_port",
			 r->derive == REDIRECT_PORT_REQUEST ? "request" : "protocol");
	return out;
}

static json_t *json_of_rewrite(const struct http_rewrite *r)
{
	json_t *out = json_object();

	put_text(out, "uri", r->uri);
	put_text(out, "authority", r->authority);
	put_text(out, "regex", r->regex);
	put_text(out, "replacement", r->replacement);
	return out;
}

static json_t *json_of_retries(const struct http_retries *r)
{
	json_t *out = json_pack("{s:I}", "attempts", (json_int_t)r->attempts);
	json_t *codes = json_array();

	put(out, "retry_on", json_of_retry_on(r->on));
	for (size_t i = 0; i < r->nr_status_codes; i++)
		json_array_append_new(codes, json_integer(r->status_codes[i]));
	put(out, "status_codes", codes);
	json_put_time(out, "per_try_timeout", r->per_try_timeout);
	json_put_time(out, "backoff", r->backoff);
	put(out, "remote_localities", json_boolean(r->remote_localities));
	put(out, "ignore_previous_hosts", json_boolean(!r->any_host));
	return out;
}

static json_t *json_of_cors(const struct http_cors *c)
{
	json_t *origins = json_array(), *out;

	for (size_t i = 0; i < c->nr_allow_origins; i++)
		json_array_append_new(origins, json_of_value(&c->allow_origins[i]));
	out = json_pack("{s:o, s:o, s:o, s:o, s:s}", "allow_origins", origins, "allow_methods",
			json_of_texts(c->allow_methods.at, c->allow_methods.nr), "allow_headers",
			json_of_texts(c->allow_headers.at, c->allow_headers.nr), "expose_headers",
			json_of_texts(c->expose_headers.at, c->expose_headers.nr), "unmatched_preflights",
			c->ignore_unmatched_preflights ? "IGNORE" : "FORWARD");
	if (c->has_allow_credentials)
		put(out, "allow_credentials", json_boolean(c->allow_credentials));
	if (c->max_age >= 0)
		put(out, "max_age", json_integer(c->max_age / 1000000000));
	return out;
}

static json_t *json_of_mirrors(const struct plan_rule *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->nr_mirrors; i++) {
		const struct plan_mirror *m = &r->mirrors[i];
		json_t *one = json_pack("{s:s, s:s, s:i, s:f}", "host", m->cluster->host, "subset",
					m->cluster->subset, "port", m->cluster->port, "percent",
					percent_of(m->millionths));

		put_text(one, "unknown", m->cluster->unknown);
		json_array_append_new(list, one);
	}
	return list;
}

static void put_actions(json_t *out, const struct plan_rule *r)
{
	if (r->redirect)
		put(out, "redirect", json_of_redirect(r->redirect));
	if (r->direct_response)
		put(out, "direct_response",
		    json_pack("{s:i, s:I}", "status", r->direct_response->status, "body_bytes",
			      (json_int_t)r->direct_response->body_length));
	if (r->rewrite)
		put(out, "rewrite", json_of_rewrite(r->rewrite));
	if (r->fault)
		put(out, "fault", json_of_fault(r->fault));
	if (r->retries)
		put(out, "retries", json_of_retries(r->retries));
	if (r->cors)
		put(out, "cors", json_of_cors(r->cors));
	if (r->headers)
		put(out, "headers", json_of_headers(r->headers));
	if (r->nr_mirrors)
		put(out, "mirrors", json_of_mirrors(r));
	json_put_time(out, "timeout", r->timeout);
}

json_t *json_of_rule(const struct plan_rule *r)
{
	json_t *matches = json_array(), *out;

	for (size_t i = 0; i < r->nr_matches; i++)
		json_array_append_new(matches, json_of_match(&r->matches[i]));
	out = json_pack("{s:s, s:o, s:o, s:o}", "name", r->name, "from", json_of_source(&r->from),
			"matches", matches, "route", json_of_route(&r->route));
	if (r->delegate.object)
		put(out, "delegate", json_of_source(&r->delegate));
	if (r->because.object)
		put(out, "because", json_of_source(&r->because));
	put_actions(out, r);
	return out;
}
