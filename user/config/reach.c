// SPDX-License-Identifier: GPL-2.0
/* Routes and matches that can never decide anything, as earlier ones take all that they match. */
#include <stdlib.h>
#include <string.h>
#include "base/strmap.h"
#include "config/route.h"

/* Each prefix is compared with all before it, and the names beside it with each other. */
#define COMPARED_MAX (1u << 26)

/* A route beside the node it was decoded from. */
struct rule {
	const struct node *node;
	const struct vs_route *route;
	size_t index;
};

/* A match whose uri is a prefix. */
struct prefix {
	const struct rule *rule;
	size_t match;
};

struct reach {
	struct strmap seen; /* conditions -> struct rule *, of the first that has them */
	VEC(struct prefix) prefixes;
	size_t compared;
};

/* `rule "canary" in line 7`, `rule #0` */
static const char *rule_name(struct decoder *d, const struct rule *r)
{
	const char *name = r->route->name && *r->route->name
				   ? arena_printf(d->arena, "rule \"%.60s\"", r->route->name)
				   : arena_printf(d->arena, "rule #%zu", r->index);

	return r->node->place.line
		       ? arena_printf(d->arena, "%s in line %u", name, r->node->place.line)
		       : name;
}

/* ---- equal matches ---- */

static int by_key(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

static void print_conditions(const struct node *n, FILE *out);

/* Sorted by key, without what is not set and without the name, which is no condition. */
static void print_map(const struct node *n, bool match, FILE *out)
{
	const struct node **sorted = xcalloc(n->nr + 1, sizeof(*sorted)), *it;
	size_t nr = 0;

	node_each(n, it)
		if (!match || (it->type != NODE_NULL && strcmp(it->key, "name")))
			sorted[nr++] = it;
	qsort(sorted, nr, sizeof(*sorted), by_key);
	fputc('{', out);
	for (size_t i = 0; i < nr; i++) {
		/* a length in front, so that no key can look like two */
		fprintf(out, "%zu%s:", strlen(sorted[i]->key), sorted[i]->key);
		print_conditions(sorted[i], out);
	}
	fputc('}', out);
	free(sorted);
}

static void print_conditions(const struct node *n, FILE *out)
{
	if (n->type == NODE_MAP)
		print_map(n, false, out);
	else
		node_print_json(n, out);
	fputc('\n', out);
}

/* Two matches with the same text match the same. */
static char *conditions_of(const struct node *match)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	print_map(match, true, out);
	fclose(out);
	return text;
}

/* ---- prefixes ---- */

static const struct route_match *match_of(const struct prefix *p)
{
	return &p->rule->route->matches[p->match];
}

/* Istio's test: the same way of matching, and the earlier text goes on where the later one ends. */
static bool value_covers(const struct string_match *earlier, const struct string_match *later)
{
	if (earlier->how != later->how)
		return false;
	if (earlier->how == MATCH_EXACT || earlier->how == MATCH_PREFIX)
		return !strncmp(earlier->text, later->text, strlen(later->text));
	return !strcmp(earlier->text, later->text);
}

static bool values_cover(const struct named_matches *earlier, const struct named_matches *later)
{
	if (earlier->nr != later->nr)
		return false;
	for (size_t i = 0; i < later->nr; i++) {
		size_t j = 0;

		while (j < earlier->nr && strcmp(earlier->at[j].name, later->at[i].name))
			j++;
		if (j == earlier->nr ||
		    !value_covers(&earlier->at[j].value, &later->at[i].value))
			return false;
	}
	return true;
}

static bool match_covers(const struct route_match *earlier, const struct route_match *later)
{
	static const struct string_match get = {MATCH_EXACT, "GET"};
	const struct http_match *a = &earlier->http, *b = &later->http;

	return strcmp(a->uri.text, b->uri.text) &&
	       !strncmp(b->uri.text, a->uri.text, strlen(a->uri.text)) &&
	       earlier->port == later->port &&
	       value_covers(a->method.how ? &a->method : &get, b->method.how ? &b->method : &get) &&
	       value_covers(&a->authority, &b->authority) &&
	       values_cover(&a->headers, &b->headers) && values_cover(&a->query, &b->query) &&
	       values_cover(&a->without_headers, &b->without_headers);
}

static size_t nr_compared(const struct http_match *m)
{
	size_t nr = 1 + m->headers.nr + m->query.nr + m->without_headers.nr;

	return nr * nr;
}

/* Says of a match, whose node is `n`, when an earlier prefix takes what it would. */
static void prefix_add(struct decoder *d, struct reach *reach, const struct prefix *later,
		       const struct node *n)
{
	const struct string_match *uri = &match_of(later)->http.uri;
	const struct prefix *earlier;

	reach->compared += reach->prefixes.nr * nr_compared(&match_of(later)->http);
	if (uri->how != MATCH_PREFIX || !*uri->text || reach->compared > COMPARED_MAX)
		return;
	vec_each(&reach->prefixes, earlier) {
		if (!match_covers(match_of(earlier), match_of(later)))
			continue;
		decode_warning(d, node_get(node_get(n, "uri"), "prefix"),
			       "may never be reached, %s takes the prefix \"%.60s\" before",
			       rule_name(d, earlier->rule), match_of(earlier)->http.uri.text);
		break;
	}
	vec_push(&reach->prefixes, *later);
}

/* ---- all of a list ---- */

/* Says of a match that an earlier rule has too; false when there is none. */
static bool is_repeated(struct decoder *d, struct reach *reach, const struct rule *r,
			const struct node *match)
{
	char *text = conditions_of(match);
	const struct rule *first = strmap_get(&reach->seen, text);

	if (first)
		decode_warning(d, match, "is never reached, %s matches the same",
			       rule_name(d, first));
	else
		strmap_put(&reach->seen, text, (void *)r);
	free(text);
	return first;
}

static void check_matches(struct decoder *d, struct reach *reach, const struct rule *r)
{
	const struct node *it;
	struct prefix one = {.rule = r};
	size_t repeated = 0;

	node_each(node_get(r->node, "match"), it) {
		if (it->type == NODE_MAP && is_repeated(d, reach, r, it))
			repeated++;
		else if (it->type == NODE_MAP)
			prefix_add(d, reach, &one, it);
		one.match++;
	}
	if (repeated == r->route->nr_matches)
		decode_warning(d, r->node,
			       "is never reached, all of its matches stand in earlier rules");
}

static void check_rules(struct decoder *d, const struct rule *rules, size_t nr)
{
	const struct rule *always = NULL;
	struct reach reach = {0};

	for (size_t i = 0; i < nr; i++) {
		if (rules[i].node->type != NODE_MAP)
			continue;
		if (always)
			decode_warning(d, rules[i].node, "is never reached, %s takes all",
				       rule_name(d, always));
		else if (rules[i].route->nr_matches)
			check_matches(d, &reach, &rules[i]);
		else if (!rules[i].route->delegate) /* it has the matches of its delegate */
			always = &rules[i];
	}
	strmap_free(&reach.seen);
	vec_free(&reach.prefixes);
}

void check_reach(struct decoder *d, const struct node *list, const struct vs_route *routes,
		 size_t nr)
{
	struct rule *rules = xcalloc(nr + 1, sizeof(*rules));
	const struct node *it;
	size_t i = 0;

	node_each(list, it) {
		if (i < nr)
			rules[i] = (struct rule){it, &routes[i], i};
		i++;
	}
	check_rules(d, rules, nr);
	free(rules);
}
