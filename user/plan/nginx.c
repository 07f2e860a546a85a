// SPDX-License-Identifier: GPL-2.0
/* Annotations of nginx's Ingress controller: which of them count, and what they mean. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/names.h"
#include "plan/ingress.h"

#define PREFIX "nginx.ingress.kubernetes.io/"

static bool is_true(const struct labels *annotations, const char *key)
{
	const char *value = labels_get(annotations, key);

	return value && !strcmp(value, "true");
}

void nginx_read(const struct object *ingress, struct nginx *out)
{
	const struct labels *a = &ingress->annotations;

	*out = (struct nginx){
		.rewrite_target = labels_get(a, PREFIX "rewrite-target"),
		.app_root = labels_get(a, PREFIX "app-root"),
		.permanent_redirect = labels_get(a, PREFIX "permanent-redirect"),
		.use_regex = is_true(a, PREFIX "use-regex"),
		.ssl_redirect = is_true(a, PREFIX "ssl-redirect"),
		.force_ssl_redirect = is_true(a, PREFIX "force-ssl-redirect"),
	};
}

void nginx_check(struct planner *p, const struct object *ingress)
{
	static const char *const known[] = {"rewrite-target", "app-root", "permanent-redirect",
					    "use-regex", "ssl-redirect", "force-ssl-redirect"};
	const struct labels *a = &ingress->annotations;
	size_t prefix = strlen(PREFIX);

	for (size_t i = 0; i < a->nr; i++) {
		bool found = strncmp(a->at[i].key, PREFIX, prefix);
		char field[384];

		for (size_t j = 0; !found && j < sizeof(known) / sizeof(*known); j++)
			found = !strcmp(a->at[i].key + prefix, known[j]);
		if (found)
			continue;
		snprintf(field, sizeof(field), "metadata.annotations[%s]", a->at[i].key);
		host_find(p, DIAG_NOTICE, &ingress->place, ingress, field, "is not in force");
	}
}

/* ---- regular expressions ---- */

/* A target that names groups makes expressions of the paths, as with nginx. */
bool nginx_is_regex(const struct nginx *n)
{
	return n->use_regex || (n->rewrite_target && strchr(n->rewrite_target, '$'));
}

const char *nginx_regex(struct arena *a, const char *path)
{
	return arena_printf(a, "(?i)^(?:%s).*$", path);
}

/* Groups that capture: "(" but not "(?:", "\(" or one inside brackets. */
static unsigned groups_count(const char *regex)
{
	bool in_class = false;
	unsigned nr = 0;

	for (const char *at = regex; *at; at++) {
		if (*at == '\\' && at[1])
			at++;
		else if (*at == '[' || *at == ']')
			in_class = *at == '[';
		else if (*at == '(' && !in_class)
			nr += at[1] != '?' || at[2] == 'P' || at[2] == '<';
	}
	return nr;
}

/* "$1" becomes "\1", and nothing where there is no such group. */
static const char *target_convert(struct arena *a, const char *target, unsigned nr_groups)
{
	char *text = arena_alloc(a, 2 * strlen(target) + 1), *out = text;

	for (; *target; target++) {
		if (*target == '$' && isdigit((unsigned char)target[1])) {
			target++;
			if ((unsigned)(*target - '0') > nr_groups)
				continue;
			*out++ = '\\';
		} else if (*target == '\\') {
			*out++ = '\\';
		}
		*out++ = *target;
	}
	return text;
}

const struct http_rewrite *nginx_rewrite(struct arena *a, const struct nginx *n, const char *path)
{
	struct http_rewrite *w;

	if (!n->rewrite_target)
		return NULL;
	w = arena_alloc(a, sizeof(*w));
	w->regex = nginx_is_regex(n) ? nginx_regex(a, path) : "^.*$";
	w->replacement = target_convert(a, n->rewrite_target,
					nginx_is_regex(n) ? groups_count(path) : 0);
	return w;
}

/* ---- redirects ---- */

const struct http_redirect *nginx_redirect(struct arena *a, const char *url, uint16_t code)
{
	struct http_redirect *r = arena_alloc(a, sizeof(*r));
	const char *end = strstr(url, "://");
	size_t length;

	r->code = code;
	if (*url == '/') {
		r->uri = url;
		return r;
	}
	if (!end || end == url)
		return NULL;
	r->scheme = arena_strndup(a, url, (size_t)(end - url));
	end += 3;
	length = strcspn(end, "/?#");
	r->authority = arena_strndup(a, end, length);
	r->uri = end[length] == '/' ? end + length : arena_printf(a, "/%s", end + length);
	return length ? r : NULL;
}
