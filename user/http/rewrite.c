// SPDX-License-Identifier: GPL-2.0
/* What a route makes of a request: another path, another authority, other headers. */
#include "http/rewrite.h"
#include <string.h>
#include <strings.h>
#include "http/prefix.h"

size_t prefix_length(const struct http_match *taken, struct http_text path)
{
	size_t length = taken && taken->uri.text ? strlen(taken->uri.text) : 0;

	switch (taken ? taken->uri.how : MATCH_UNSET) {
	case MATCH_PREFIX:
		return length;
	case MATCH_ELEMENTS:
		return length < path.length ? length : path.length;
	case MATCH_EXACT:
	case MATCH_REGEX:
		return path.length;
	default:
		return path.length && *path.at == '/';
	}
}

/* With a "/" in front, whatever the rule says: another text could be read as a whole URL. */
static char *path_join(const char *stem, struct http_text rest)
{
	bool slash = *stem ? *stem == '/' : rest.length && *rest.at == '/';

	return xasprintf("%s%s%.*s", slash ? "" : "/", stem, (int)rest.length, rest.at);
}

char *http_rewrite_path(const struct http_rewrite *w, const struct http_match *taken,
			const struct http_request *r, struct regexes *x)
{
	struct http_text path = http_path(r), whole = r->path;
	const struct regex *regex = w->regex ? regexes_get(x, w->regex) : NULL;
	enum regex_result result;
	char *stem, *out;
	size_t cut;

	if (w->uri) {
		cut = prefix_length(taken, path);
		return path_join(w->uri, (struct http_text){whole.at + cut, whole.length - cut});
	}
	stem = regex ? regex_replace(regex, path.at, path.length, w->replacement, &result) : NULL;
	if (!stem) {
		x->nr_limits += regex && result == REGEX_LIMIT;
		return NULL;
	}
	out = path_join(stem, (struct http_text){whole.at + path.length,
						 whole.length - path.length});
	free(stem);
	return out;
}

static bool is_authority(const char *name)
{
	return !strcasecmp(name, "host") || !strcasecmp(name, ":authority");
}

/* The value for the authority among some headers; NULL: none. */
static const char *authority_in(const struct header_values *values)
{
	for (size_t i = 0; i < values->nr; i++)
		if (is_authority(values->at[i].name))
			return values->at[i].value;
	return NULL;
}

static const char *authority_of(const struct http_headers *h)
{
	return h ? authority_in(&h->request.set) ?: authority_in(&h->request.add) : NULL;
}

const char *http_authority(const struct http_rewrite *w, const struct http_headers *route,
			   const struct http_headers *destination)
{
	if (w && w->authority && *w->authority)
		return w->authority;
	return authority_of(route) ?: authority_of(destination);
}

static void header_remove(struct http_header_list *l, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->list.nr; i++) {
		struct http_text text = l->list.at[i].name;

		if (strlen(name) != text.length || strncasecmp(text.at, name, text.length))
			l->list.at[kept++] = l->list.at[i];
	}
	l->list.nr = kept;
}

static void header_add(struct http_header_list *l, const struct header_value *v)
{
	vec_push(&l->list, ((struct http_header){http_text(v->name), http_text(v->value)}));
}

void http_headers_change(struct http_header_list *l, const struct header_changes *c)
{
	for (size_t i = 0; i < c->remove.nr; i++)
		header_remove(l, c->remove.at[i]);
	for (size_t i = 0; i < c->set.nr; i++) {
		if (is_authority(c->set.at[i].name))
			continue;
		header_remove(l, c->set.at[i].name);
		header_add(l, &c->set.at[i]);
	}
	for (size_t i = 0; i < c->add.nr; i++)
		if (!is_authority(c->add.at[i].name))
			header_add(l, &c->add.at[i]);
}
