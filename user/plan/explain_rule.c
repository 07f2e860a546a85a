// SPDX-License-Identifier: GPL-2.0
/* Whether an http rule takes a request, and what it does with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/explain.h"
#include "plan/text.h"

const char *rule_label(struct telling *t, const struct plan_rule *r)
{
	if (!r->delegate.object)
		return r->from.field;
	return arena_printf(t->scratch.arena, "%s (%s %s)", r->from.field, r->delegate.object->id,
			    r->delegate.field);
}

/* ---- conditions ---- */

static void named_pick(const struct named_matches *all, const char *name, struct named_matches *out)
{
	for (size_t i = 0; i < all->nr; i++)
		if (!strcmp(all->at[i].name, name))
			*out = (struct named_matches){&all->at[i], 1};
}

/* The words of the one condition that failed. */
static char *failed_text(const struct http_match *m, const struct http_failed *failed)
{
	struct http_match one = {.ignore_uri_case = m->ignore_uri_case};

	if (!strcmp(failed->field, "uri"))
		one.uri = m->uri;
	else if (!strcmp(failed->field, "scheme"))
		one.scheme = m->scheme;
	else if (!strcmp(failed->field, "method"))
		one.method = m->method;
	else if (!strcmp(failed->field, "authority"))
		one.authority = m->authority;
	else if (!strcmp(failed->field, "headers"))
		named_pick(&m->headers, failed->name, &one.headers);
	else if (!strcmp(failed->field, "withoutHeaders"))
		named_pick(&m->without_headers, failed->name, &one.without_headers);
	else
		named_pick(&m->query, failed->name, &one.query);
	return match_text(&one);
}

static void failed_tell(struct telling *t, const struct plan_rule *r, const struct plan_match *m,
			const struct http_failed *failed)
{
	struct plan_source from = m->from;
	char *wanted = failed_text(&m->http, failed);
	const char *dot = strrchr(m->from.field, '.');

	from.field = arena_printf(t->scratch.arena, "%s.%s%s%s", m->from.field, failed->field,
				  *failed->name ? "." : "", failed->name);
	step_at(t, OUTCOME_PASSED_OVER, &from, "%s is passed over: %s wants %s", rule_label(t, r),
		dot ? dot + 1 : "it", wanted);
	free(wanted);
}

bool rule_takes(struct telling *t, const struct plan_rule *r, const struct plan_match **taken)
{
	struct http_failed failed;
	char *text;

	*taken = NULL;
	if (!r->nr_matches)
		step_at(t, OUTCOME_TAKEN, &r->from, "%s is taken: it has no match",
			rule_label(t, r));
	for (size_t i = 0; i < r->nr_matches; i++) {
		const struct plan_match *m = &r->matches[i];

		if (!http_match_holds(&m->http, &t->request, &t->regexes, &failed)) {
			failed_tell(t, r, m, &failed);
			continue;
		}
		text = match_text(&m->http);
		step_at(t, OUTCOME_TAKEN, &m->from, "%s is taken: %s", rule_label(t, r), text);
		free(text);
		*taken = m;
		break;
	}
	return *taken || !r->nr_matches;
}

/* ---- actions ---- */

/* Where an action was written; `own`: by the delegate. */
static struct plan_source action_source(struct telling *t, const struct merged_route *m, bool own,
					const char *name)
{
	const struct vs_route *of;

	if (!m)
		return (struct plan_source){.field = ""};
	of = own ? m->child : m->root;
	return (struct plan_source){
		.object = own ? m->delegate : m->vs,
		.field = arena_printf(t->scratch.arena, "%s.%s", of->path, name),
		.place = of->place,
	};
}

void action_tell(struct telling *t, const struct plan_rule *only, const struct plan_source *from)
{
	char *text, *line, *rest;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	actions_print(only, "", out);
	fclose(out);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		step_at(t, OUTCOME_APPLIES, from, "%s", line);
	free(text);
}

static void cors_tell(struct telling *t, const struct http_cors *c, const struct plan_source *from)
{
	bool preflight = http_is_preflight(&t->request), allowed;
	struct http_text origin;
	char *joined;

	if (!t->asked || !http_header_find(&t->request, "origin", &origin, &joined))
		return;
	allowed = http_origin_allowed(c, origin, &t->regexes);
	step_at(t, OUTCOME_APPLIES, from, "the origin %.*s is %s%s", (int)origin.length, origin.at,
		allowed ? "allowed" : "not allowed",
		!preflight				  ? "" :
		allowed || c->ignore_unmatched_preflights ? ": the preflight is answered 200" :
							    ": the preflight is passed on");
	free(joined);
}

static void redirect_tell(struct telling *t, const struct http_redirect *d,
			  const struct plan_match *taken, const struct plan_source *from)
{
	char *location;

	if (!t->asked)
		return;
	location =
		http_redirect_location(d, taken ? &taken->http : NULL, &t->request, &t->listener);
	step_at(t, OUTCOME_TAKEN, from, "the request is answered %u with location %s", d->code,
		location);
	decide(t, "status", json_integer(d->code));
	decide(t, "location", json_string(location));
	free(location);
}

static void rewrite_tell(struct telling *t, const struct plan_rule *r,
			 const struct plan_match *taken, const struct plan_source *from)
{
	const struct http_headers *headers =
		r->route.nr_splits == 1 ? r->route.splits[0].headers : NULL;
	const char *authority = http_authority(r->rewrite, r->headers, headers);
	char *path = r->rewrite ? http_rewrite_path(r->rewrite, taken ? &taken->http : NULL,
						    &t->request, &t->regexes) :
				  NULL;

	if (t->asked && path) {
		step_at(t, OUTCOME_APPLIES, from, "the path becomes %s", path);
		decide(t, "path", json_string(path));
	}
	if (t->asked && authority) {
		step_at(t, OUTCOME_APPLIES, from, "the authority becomes %s", authority);
		decide(t, "authority", json_string(authority));
	}
	free(path);
}

static void answer_tell(struct telling *t, const struct plan_rule *r, const struct merged_route *m,
			const struct plan_match *taken)
{
	const struct vs_route *child = m ? m->child : NULL;
	struct plan_source from;

	if (r->redirect) {
		from = action_source(t, m, child && child->redirect, "redirect");
		action_tell(t, &(struct plan_rule){.redirect = r->redirect}, &from);
		redirect_tell(t, r->redirect, taken, &from);
	}
	if (r->direct_response) {
		from = action_source(t, m, child && child->direct_response, "directResponse");
		action_tell(t, &(struct plan_rule){.direct_response = r->direct_response}, &from);
		decide(t, "status", json_integer(r->direct_response->status));
	}
}

/* Without a word about retries the proxy retries all the same. */
static void retries_tell(struct telling *t, const struct plan_rule *r, const struct merged_route *m)
{
	const struct vs_route *child = m ? m->child : NULL;
	struct plan_source from = action_source(t, m, child && child->retries, "retries");

	if (r->retries)
		action_tell(t, &(struct plan_rule){.retries = r->retries}, &from);
	else if (r->route.nr_splits)
		step_note(t, OUTCOME_APPLIES, "retries 2, the default");
}

void actions_tell(struct telling *t, const struct plan_rule *r, const struct merged_route *m,
		  const struct plan_match *taken)
{
	const struct vs_route *child = m ? m->child : NULL;
	struct plan_source from = action_source(t, m, child && child->fault, "fault");

	if (r->fault)
		action_tell(t, &(struct plan_rule){.fault = r->fault}, &from);
	if (r->cors) {
		from = action_source(t, m, child && child->cors, "corsPolicy");
		action_tell(t, &(struct plan_rule){.cors = r->cors}, &from);
		cors_tell(t, r->cors, &from);
	}
	answer_tell(t, r, m, taken);
	from = action_source(t, m, child && child->rewrite, "rewrite");
	if (r->rewrite)
		action_tell(t, &(struct plan_rule){.rewrite = r->rewrite}, &from);
	rewrite_tell(t, r, taken, &from);
	if (r->headers) {
		from = action_source(t, m, child && child->headers, "headers");
		action_tell(t, &(struct plan_rule){.headers = r->headers}, &from);
	}
	if (r->timeout) {
		from = action_source(t, m, child && child->timeout, "timeout");
		action_tell(t, &(struct plan_rule){.timeout = r->timeout}, &from);
	}
	retries_tell(t, r, m);
	if (r->nr_mirrors) {
		from = action_source(t, m, child && child->mirror_field, m->route.mirror_field);
		action_tell(t,
			    &(struct plan_rule){.mirrors = r->mirrors, .nr_mirrors = r->nr_mirrors},
			    &from);
	}
}
