// SPDX-License-Identifier: GPL-2.0
/* Header operations: which names and values may be set, added and removed. */
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include "config/names.h"
#include "config/route.h"

/* Control characters, and a '%' that begins neither %% nor %NAME% nor %NAME(args)%. */
static const char *value_fault(const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 && *s != '\t')
			return "a control character";
		if (*s != '%')
			continue;
		s++;
		if (*s == '%')
			continue;
		if (!isupper((unsigned char)*s))
			return "a stray %, want %%";
		while (isupper((unsigned char)*s) || isdigit((unsigned char)*s) || *s == '_')
			s++;
		if (*s == '(') {
			s = strchr(s, ')');
			if (!s)
				return "an open (";
			s++;
			if (*s == ':') /* a length */
				s += 1 + strspn(s + 1, "0123456789");
		}
		if (*s != '%')
			return "a variable without its closing %";
	}
	return NULL;
}

static void check_value(struct decoder *d, const struct node *n)
{
	const char *fault = value_fault(n->text);

	if (fault)
		decode_error(d, n, "the value has %s", fault);
}

static bool is_name(const char *name, bool authority)
{
	if (!strcasecmp(name, "host") || !strcasecmp(name, ":authority"))
		return authority;
	return name_is_header(name);
}

static void check_request_entry(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!is_name(n->key, true))
		decode_error(d, n, "\"%.60s\" is no header that can be set", n->key);
	check_value(d, n);
}

static void check_response_entry(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!is_name(n->key, false))
		decode_error(d, n, "\"%.60s\" is no header that can be set", n->key);
	check_value(d, n);
}

static void check_remove(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!is_name(n->text, false))
		decode_error(d, n, "%s is no header that can be removed", quoted(d, n));
}

static const struct field request_fields[] = {
	{"add", FIELD_STRING, FIELD_MAP, .check = check_request_entry},
	{"remove", FIELD_STRING, FIELD_LIST, .check = check_remove},
	{"set", FIELD_STRING, FIELD_MAP, .check = check_request_entry},
	{0},
};
static const struct message request = {request_fields};

static const struct field response_fields[] = {
	{"add", FIELD_STRING, FIELD_MAP, .check = check_response_entry},
	{"remove", FIELD_STRING, FIELD_LIST, .check = check_remove},
	{"set", FIELD_STRING, FIELD_MAP, .check = check_response_entry},
	{0},
};
static const struct message response = {response_fields};

static const struct field operations_fields[] = {
	{"request", FIELD_MESSAGE, .message = &request},
	{"response", FIELD_MESSAGE, .message = &response},
	{0},
};
const struct message header_operations = {operations_fields};
