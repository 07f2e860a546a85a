// SPDX-License-Identifier: GPL-2.0
/* Whether a request meets the conditions of an http route. */
#include "http/match.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "http/query.h"

static size_t path_end(struct http_text path, char mark)
{
	size_t end = 0;

	while (end < path.length && path.at[end] != mark && path.at[end] != '#')
		end++;
	return end;
}

struct http_text http_path(const struct http_request *r)
{
	return (struct http_text){r->path.at, path_end(r->path, '?')};
}

struct http_text http_query(const struct http_request *r)
{
	size_t from = http_path(r).length, end = path_end(r->path, '#');

	from += from < end;
	return (struct http_text){r->path.at + from, end - from};
}

static bool pseudo_find(const struct http_request *r, const char *name, struct http_text *value)
{
	const struct {
		const char *name;
		struct http_text value;
	} all[] = {{":method", r->method},
		   {":scheme", r->scheme},
		   {":authority", r->authority},
		   {":path", r->path},
		   {"host", r->authority}};

	if (*name != ':' && strcasecmp(name, "host"))
		return false;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcasecmp(all[i].name, name))
			continue;
		*value = all[i].value;
		return value->length;
	}
	return false;
}

bool http_header_find(const struct http_request *r, const char *name, struct http_text *value,
		      char **joined)
{
	size_t length = strlen(name), nr = 0;

	*joined = NULL;
	if (pseudo_find(r, name, value))
		return true;
	for (size_t i = 0; i < r->nr_headers; i++) {
		const struct http_header *h = &r->headers[i];
		char *longer;

		if (h->name.length != length || strncasecmp(h->name.at, name, length))
			continue;
		if (!nr++) {
			*value = h->value;
			continue;
		}
		longer = xasprintf("%.*s%s%.*s", (int)value->length, value->at,
				   strcasecmp(name, "cookie") ? "," : "; ", (int)h->value.length,
				   h->value.at);
		free(*joined);
		*joined = longer;
		*value = http_text(longer);
	}
	return nr;
}

static bool begins(struct http_text value, const char *with, bool fold)
{
	size_t length = strlen(with);

	if (value.length < length)
		return false;
	return !(fold ? strncasecmp(value.at, with, length) : memcmp(value.at, with, length));
}

/* "/a" and "/a/" cover "/a", "/a/" and "/a/b". */
static bool elements_hold(const char *text, struct http_text value, bool fold)
{
	size_t length = strlen(text);
	char *stem;
	bool holds;

	while (length && text[length - 1] == '/')
		length--;
	stem = xstrndup(text, length);
	holds = begins(value, stem, fold) && (value.length == length || value.at[length] == '/');
	free(stem);
	return holds;
}

static bool regex_holds(const char *text, struct http_text value, struct regexes *x)
{
	const struct regex *r = regexes_get(x, text);
	enum regex_result result = r ? regex_match(r, value.at, value.length) : REGEX_NO;

	x->nr_limits += result == REGEX_LIMIT;
	return result == REGEX_YES;
}

bool string_match_holds(const struct string_match *m, struct http_text value, bool fold,
			struct regexes *x)
{
	switch (m->how) {
	case MATCH_UNSET:
	case MATCH_PRESENT:
		return true;
	case MATCH_ABSENT:
		return false;
	case MATCH_EXACT:
		return strlen(m->text) == value.length && begins(value, m->text, fold);
	case MATCH_PREFIX:
		return begins(value, m->text, fold);
	case MATCH_ELEMENTS:
		return elements_hold(m->text, value, fold);
	case MATCH_REGEX:
		return regex_holds(m->text, value, x);
	}
	return false;
}

static bool header_holds(const struct named_match *m, const struct http_request *r,
			 struct regexes *x)
{
	struct http_text value;
	char *joined;
	bool holds = http_header_find(r, m->name, &value, &joined) &&
		     string_match_holds(&m->value, value, false, x);

	free(joined);
	return holds;
}

/* A header that is missing counts as the empty text. */
static bool without_holds(const struct named_match *m, const struct http_request *r,
			  struct regexes *x)
{
	bool presence = m->value.how == MATCH_PRESENT || m->value.how == MATCH_ABSENT;
	struct http_text value;
	char *joined;
	bool found = http_header_find(r, m->name, &value, &joined), holds;

	if (!found)
		value = http_text("");
	holds = presence ? !found : !string_match_holds(&m->value, value, false, x);
	free(joined);
	return holds;
}

static bool query_holds(const struct named_match *m, const struct http_request *r,
			struct regexes *x)
{
	char *value = query_value(http_query(r), m->name);
	bool holds = value && string_match_holds(&m->value, http_text(value), false, x);

	free(value);
	return holds;
}

/* The name of the first that does not hold; NULL: all hold. */
static const char *named_failed(const struct named_matches *all, const struct http_request *r,
				struct regexes *x,
				bool (*holds)(const struct named_match *m,
					      const struct http_request *r, struct regexes *x))
{
	for (size_t i = 0; i < all->nr; i++)
		if (!holds(&all->at[i], r, x))
			return all->at[i].name;
	return NULL;
}

bool http_match_holds(const struct http_match *m, const struct http_request *r, struct regexes *x,
		      struct http_failed *failed)
{
	struct http_failed none, *f = failed ? failed : &none;

	*f = (struct http_failed){.name = ""};
	if (!string_match_holds(&m->uri, http_path(r), m->ignore_uri_case, x))
		f->field = "uri";
	else if (!string_match_holds(&m->scheme, r->scheme, false, x))
		f->field = "scheme";
	else if (!string_match_holds(&m->method, r->method, false, x))
		f->field = "method";
	else if (!string_match_holds(&m->authority, r->authority, false, x))
		f->field = "authority";
	else if ((f->name = named_failed(&m->headers, r, x, header_holds)))
		f->field = "headers";
	else if ((f->name = named_failed(&m->without_headers, r, x, without_holds)))
		f->field = "withoutHeaders";
	else if ((f->name = named_failed(&m->query, r, x, query_holds)))
		f->field = "queryParams";
	return !f->field;
}

/* "a:80" and "[::1]:80" without their ports. */
static struct http_text port_cut(struct http_text authority)
{
	size_t digits = 0, length = authority.length;

	while (digits < length && authority.at[length - 1 - digits] >= '0' &&
	       authority.at[length - 1 - digits] <= '9')
		digits++;
	if (digits < length && authority.at[length - 1 - digits] == ':' &&
	    (*authority.at == '[') ==
		    (length > digits + 1 && authority.at[length - digits - 2] == ']'))
		authority.length -= digits + 1;
	return authority;
}

unsigned http_domain_match(const char *domain, struct http_text authority)
{
	struct http_text host = port_cut(authority);
	size_t length = strlen(domain);

	if (!strcmp(domain, "*"))
		return 1;
	if (http_text_is(host, domain))
		return 1 << 30;
	if (length - 1 > host.length)
		return 0;
	if (*domain == '*')
		return strncasecmp(host.at + host.length - (length - 1), domain + 1, length - 1) ?
			       0 :
			       (1 << 20) + (unsigned)length;
	if (domain[length - 1] == '*')
		return strncasecmp(host.at, domain, length - 1) ? 0 : 2 + (unsigned)length;
	return 0;
}

bool http_is_preflight(const struct http_request *r)
{
	struct http_text value;
	char *joined;
	bool both = http_header_find(r, "origin", &value, &joined);

	free(joined);
	both = both && http_header_find(r, "access-control-request-method", &value, &joined);
	if (both)
		free(joined);
	return both && r->method.length == 7 && !memcmp(r->method.at, "OPTIONS", 7);
}

/* An entry that takes the text "*" takes every origin. */
bool http_origin_allowed(const struct http_cors *c, struct http_text origin, struct regexes *x)
{
	for (size_t i = 0; i < c->nr_allow_origins; i++) {
		const struct string_match *m = &c->allow_origins[i];

		if (string_match_holds(m, origin, false, x) ||
		    string_match_holds(m, http_text("*"), false, x))
			return true;
	}
	return false;
}
