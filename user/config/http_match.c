// SPDX-License-Identifier: GPL-2.0
/* Conditions of http routes. */
#include <string.h>
#include <strings.h>
#include "config/checks.h"
#include "config/http.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/route.h"

#define CLAIMS "@request.auth.claims"

bool name_is_claim(const char *name)
{
	size_t n = strlen(name), prefix = strlen(CLAIMS);

	if (strncasecmp(name, CLAIMS, prefix))
		return false;
	name += prefix;
	n -= prefix;
	return (n > 1 && *name == '.') || (n > 2 && *name == '[' && name[n - 1] == ']');
}

static bool is_pseudo(const char *name)
{
	static const char *const pseudo[] = {":method", ":scheme", ":authority", ":path",
					     ":status"};

	for (size_t i = 0; i < sizeof(pseudo) / sizeof(*pseudo); i++)
		if (!strcmp(name, pseudo[i]))
			return true;
	return false;
}

/* Names are checked here, as a null has one too; `nulls`: it is a condition as well. */
static void check_headers(struct decoder *d, const struct node *map, bool nulls)
{
	const struct node *it;

	if (!map || map->type != NODE_MAP)
		return;
	node_each(map, it) {
		if (!name_is_header(it->key) && !is_pseudo(it->key) && !name_is_claim(it->key))
			decode_error(d, it, "\"%.60s\" is no header name", it->key);
		if (it->type == NODE_NULL && !nulls)
			decode_error(d, it,
				     "is null, want exact, prefix or regex, or {} for any value");
	}
}

static void nulls_set(const struct named_matches *list, enum match_how how)
{
	for (size_t i = 0; i < list->nr; i++)
		if (list->at[i].value.how == MATCH_UNSET)
			list->at[i].value = (struct string_match){how, ""};
}

static void check_match(struct decoder *d, const struct node *n, void *into)
{
	struct route_match *m = into;
	struct http_match *http = &m->http;
	struct string_match *plain[] = {&http->uri, &http->scheme, &http->method, &http->authority};

	check_headers(d, node_get(n, "headers"), false);
	check_headers(d, node_get(n, "withoutHeaders"), true);
	nulls_set(&http->headers, MATCH_PRESENT);
	nulls_set(&http->query, MATCH_PRESENT);
	nulls_set(&http->without_headers, MATCH_ABSENT);
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		text_fill(&plain[i]->text);
	text_fill(&http->name);
	text_fill(&http->stat_prefix);
	match_finish(d, n, m);
}

static const struct field match_fields[] = {
	{"authority", FIELD_MESSAGE, .message = &string_match,
	 INTO(struct route_match, http.authority)},
	{"gateways", FIELD_STRING, INTO_LIST(struct route_match, gateways)},
	{"headers", FIELD_MESSAGE, .message = &header_match,
	 INTO_NAMED(struct route_match, http.headers)},
	{"ignoreUriCase", FIELD_BOOL, INTO(struct route_match, http.ignore_uri_case)},
	{"method", FIELD_MESSAGE, .message = &string_match, INTO(struct route_match, http.method)},
	{"name", INTO(struct route_match, http.name)},
	{"port", FIELD_INTEGER, .max = 65535, .want = "a port from 1 to 65535",
	 INTO(struct route_match, port)},
	{"queryParams", FIELD_MESSAGE, .message = &header_match,
	 INTO_NAMED(struct route_match, http.query)},
	{"scheme", FIELD_MESSAGE, .message = &string_match, INTO(struct route_match, http.scheme)},
	{"sourceLabels", FIELD_STRING, FIELD_MAP, .check = check_label_entry,
	 INTO(struct route_match, source_labels)},
	{"sourceNamespace", INTO(struct route_match, source_namespace),
	 .check = check_optional_label},
	{"statPrefix", INTO(struct route_match, http.stat_prefix)},
	{"uri", FIELD_MESSAGE, .message = &uri_match, INTO(struct route_match, http.uri)},
	{"withoutHeaders", FIELD_MESSAGE, .message = &without_header_match,
	 INTO_NAMED(struct route_match, http.without_headers)},
	{0},
};
const struct message http_match = {match_fields, sizeof(struct route_match), check_match};
