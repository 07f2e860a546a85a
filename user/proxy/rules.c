// SPDX-License-Identifier: GPL-2.0
/* Which rule takes a request: the first in order, of those that its path leads to. */
#include <stdlib.h>
#include <string.h>
#include "base/vec.h"
#include "proxy/rules.h"

#define NR_WALKED 4 /* as few entries as this are walked, which costs less than a search */

/* ---- building ---- */

struct sorter {
	VEC(struct prefix_item) items[RULES_NR_URI][2];
	VEC(uint32_t) others;
};

static size_t entries_count(const struct table_port *port)
{
	size_t nr = 0;

	for (size_t i = 0; i < port->nr_rules; i++)
		nr += port->rules[i].nr_matches ? port->rules[i].nr_matches : 1;
	return nr;
}

static void entries_fill(struct rules *out, const struct table_port *port)
{
	for (size_t i = 0; i < port->nr_rules; i++) {
		const struct table_rule *r = &port->rules[i];

		if (!r->nr_matches)
			out->entries[out->nr++] = (struct rules_entry){r, NULL};
		for (size_t j = 0; j < r->nr_matches; j++)
			out->entries[out->nr++] = (struct rules_entry){r, &r->matches[j]};
	}
}

/* "/a/" covers what "/a" does. */
static size_t stem_length(const char *text)
{
	size_t length = strlen(text);

	while (length && text[length - 1] == '/')
		length--;
	return length;
}

static void entry_sort(struct sorter *s, const struct http_match *m, uint32_t at)
{
	struct prefix_item item = {.value = at};
	enum rules_uri how;

	switch (m ? m->uri.how : MATCH_UNSET) {
	case MATCH_EXACT:
		how = RULES_EXACT;
		break;
	case MATCH_PREFIX:
		how = RULES_PREFIX;
		break;
	case MATCH_ELEMENTS:
		how = RULES_ELEMENTS;
		break;
	default:
		vec_push(&s->others, at);
		return;
	}
	item.text = m->uri.text;
	item.length = how == RULES_ELEMENTS ? stem_length(item.text) : strlen(item.text);
	vec_push(&s->items[how][m->ignore_uri_case], item);
}

void rules_index(struct rules *out, struct arena *arena, const struct table_port *port)
{
	struct sorter s = {0};

	*out = (struct rules){0};
	out->entries = arena_alloc(arena, entries_count(port) * sizeof(out->entries[0]));
	entries_fill(out, port);
	if (out->nr <= NR_WALKED)
		return;
	for (uint32_t i = 0; i < out->nr; i++)
		entry_sort(&s, out->entries[i].match, i);
	for (int i = 0; i < RULES_NR_URI * 2; i++) {
		prefixes_build(&out->by_uri[i / 2][i % 2], arena, s.items[i / 2][i % 2].at,
			       s.items[i / 2][i % 2].nr, i % 2);
		vec_free(&s.items[i / 2][i % 2]);
	}
	out->nr_others = s.others.nr;
	out->others = arena_alloc(arena, s.others.nr * sizeof(out->others[0]));
	if (s.others.nr)
		memcpy(out->others, s.others.at, s.others.nr * sizeof(out->others[0]));
	vec_free(&s.others);
}

/* ---- finding ---- */

struct search {
	const struct rules *rules;
	const struct http_request *request;
	struct http_text path;
	struct regexes *regexes;
	uint32_t best; /* the first entry so far; their number: none */
	const struct table_rule *limited;
};

static bool holds(struct search *s, uint32_t at)
{
	const struct rules_entry *e = &s->rules->entries[at];
	uint64_t limits = s->regexes->nr_limits;
	bool all = !e->match || http_match_holds(e->match, s->request, s->regexes, NULL);

	if (s->regexes->nr_limits != limits)
		s->limited = e->rule;
	return all;
}

/* `entries` are ascending. */
static void try(struct search *s, const uint32_t *entries, size_t nr)
{
	for (size_t i = 0; i < nr && entries[i] < s->best; i++)
		if (holds(s, entries[i])) {
			s->best = entries[i];
			return;
		}
}

/* Whether such a condition on the path holds, when the prefix begins it. */
static bool covers(enum rules_uri how, size_t length, struct http_text path)
{
	return how == RULES_PREFIX || path.length == length ||
	       (how == RULES_ELEMENTS && path.at[length] == '/');
}

static void try_uri(struct search *s, enum rules_uri how, bool fold)
{
	const struct prefixes *by = &s->rules->by_uri[how][fold];
	const struct prefix *p;

	if (!by->nr)
		return;
	for (p = prefixes_find(by, s->path.at, s->path.length); p; p = p->shorter) {
		if (covers(how, p->length, s->path))
			try(s, p->values, p->nr);
		else if (how == RULES_EXACT)
			return; /* what is shorter is even less */
	}
}

static void walk(struct search *s)
{
	for (uint32_t i = 0; i < s->best; i++)
		if (holds(s, i))
			s->best = i;
}

const struct rules_entry *rules_find(const struct rules *r, const struct http_request *request,
				     struct regexes *x, const struct table_rule **limited)
{
	struct search s = {r, request, http_path(request), x, r->nr, NULL};

	if (r->nr <= NR_WALKED) {
		walk(&s);
	} else {
		for (int i = 0; i < RULES_NR_URI * 2; i++)
			try_uri(&s, i / 2, i % 2);
		try(&s, r->others, r->nr_others); /* last, as an expression costs most */
	}
	*limited = s.limited;
	return s.best < r->nr ? &r->entries[s.best] : NULL;
}

/* ---- expressions ---- */

struct asker {
	void (*ask)(const char *text, void *arg);
	void *arg;
};

static void string_regexes(const struct string_match *m, const struct asker *a)
{
	if (m->how == MATCH_REGEX)
		a->ask(m->text, a->arg);
}

static void named_regexes(const struct named_matches *all, const struct asker *a)
{
	for (size_t i = 0; i < all->nr; i++)
		string_regexes(&all->at[i].value, a);
}

void rule_regexes(const struct table_rule *r, void (*ask)(const char *text, void *arg), void *arg)
{
	const struct asker asker = {ask, arg}, *a = &asker;

	for (size_t i = 0; i < r->nr_matches; i++) {
		const struct http_match *m = &r->matches[i];

		string_regexes(&m->uri, a);
		string_regexes(&m->scheme, a);
		string_regexes(&m->method, a);
		string_regexes(&m->authority, a);
		named_regexes(&m->headers, a);
		named_regexes(&m->without_headers, a);
		named_regexes(&m->query, a);
	}
	if (r->rewrite && r->rewrite->regex)
		ask(r->rewrite->regex, arg);
	for (size_t i = 0; r->cors && i < r->cors->nr_allow_origins; i++)
		string_regexes(&r->cors->allow_origins[i], a);
}
