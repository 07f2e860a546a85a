// SPDX-License-Identifier: GPL-2.0
/* Lexical rules of names, wildcards, and the expansion of short names. */
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include "base/inet.h"
#include "config/names.h"
#include "config/object.h"

#define LABEL_MAX 63
#define FQDN_MAX 255
#define OBJECT_MAX 253

static bool alnum(char c)
{
	return isalnum((unsigned char)c);
}

/* n characters: alphanumeric at both ends, those of `inner` allowed between. */
static bool bounded(const char *s, size_t n, const char *inner)
{
	if (!n || n > LABEL_MAX || !alnum(s[0]) || !alnum(s[n - 1]))
		return false;
	for (size_t i = 1; i < n - 1; i++)
		if (!alnum(s[i]) && !strchr(inner, s[i]))
			return false;
	return true;
}

bool name_is_label(const char *s)
{
	return bounded(s, strlen(s), "-");
}

static bool all_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return n > 0;
}

/* Labels with dots between; a dot at the end is allowed. */
static bool is_dotted(const char *s)
{
	size_t length = strlen(s), n = 0;

	if (!length || length > FQDN_MAX)
		return false;
	for (; *s; s += n + 1) {
		n = strcspn(s, ".");
		if (!bounded(s, n, "-"))
			return false;
		if (!s[n])
			return !all_digits(s, n);
	}
	return !all_digits(s - n - 1, n);
}

bool name_is_fqdn(const char *s)
{
	return is_dotted(s);
}

bool name_is_wild(const char *s)
{
	const char *dot = strchr(s, '.');
	size_t n = dot ? (size_t)(dot - s) : strlen(s);

	if (strlen(s) > FQDN_MAX)
		return false;
	/* The first label may be all digits, even alone. */
	if (*s != '*')
		return bounded(s, n, "-") && (!dot || !dot[1] || is_dotted(dot + 1));
	s++;
	n--;
	if (n && *s == '-') {
		s++;
		n--;
		if (!n)
			return false;
	}
	if (n && !bounded(s, n, "-"))
		return false;
	return !dot || is_dotted(dot + 1);
}

bool name_is_object(const char *s)
{
	size_t n;

	if (!*s || strlen(s) > OBJECT_MAX)
		return false;
	for (const char *c = s; *c; c++)
		if (isupper((unsigned char)*c))
			return false;
	for (;; s += n + 1) {
		n = strcspn(s, ".");
		if (!n || !alnum(s[0]) || !alnum(s[n - 1]))
			return false;
		for (size_t i = 0; i < n; i++)
			if (!alnum(s[i]) && s[i] != '-')
				return false;
		if (!s[n])
			return true;
	}
}

bool name_is_address(const char *s)
{
	struct inet address;

	return inet_parse(s, &address);
}

bool name_is_label_key(const char *s)
{
	const char *slash = strchr(s, '/');

	if (slash) {
		char prefix[OBJECT_MAX + 1] = "";

		if (slash - s > OBJECT_MAX)
			return false;
		memcpy(prefix, s, (size_t)(slash - s));
		if (!name_is_object(prefix))
			return false;
		s = slash + 1;
	}
	return bounded(s, strlen(s), "-_.");
}

bool name_is_label_value(const char *s)
{
	return !*s || bounded(s, strlen(s), "-_.");
}

bool name_is_header(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!alnum(*s) && !strchr("!#$%&'*+-.^_`|~", *s))
			return false;
	return true;
}

bool name_is_unix_path(const char *s)
{
	size_t n = strlen(s);

	return *s == '@' || (*s == '/' && s[n - 1] != '/');
}

bool name_covers(const char *wide, const char *narrow)
{
	size_t nw, nn;

	if (*wide != '*')
		return !strcasecmp(wide, narrow);
	wide++;
	nw = strlen(wide);
	nn = strlen(narrow);
	return nn >= nw && !strcasecmp(narrow + nn - nw, wide);
}

char *name_lower(struct arena *a, const char *host)
{
	char *lower = arena_strdup(a, host);

	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return lower;
}

char *name_expand(struct arena *a, const char *host, const char *namespace)
{
	char *lower = name_lower(a, host);

	if (!*lower || !strcmp(lower, "*") || strchr(lower, '.') || name_is_address(lower))
		return lower;
	return arena_printf(a, "%s.%s.svc." CLUSTER_DOMAIN, lower, namespace);
}
