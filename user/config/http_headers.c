// SPDX-License-Identifier: GPL-2.0
/* Header operations: which names and values may be set, added and removed. */
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include "config/http.h"
#include "config/names.h"

static const char *skip_spaces(const char *s)
{
	return s + strspn(s, " \t");
}

/* Past the text in quotes that begins at s; NULL when it does not end. */
static const char *skip_quoted(const char *s)
{
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : NULL;
}

/* Past the arguments that follow a '(': any text, or ["a", "b"]. NULL when they do not end. */
static const char *skip_arguments(const char *s)
{
	const char *list = skip_spaces(s);

	if (*list != '[') {
		s = strchr(s, ')');
		return s ? s + 1 : NULL;
	}
	do {
		list = skip_spaces(list + 1);
		list = *list == '"' ? skip_quoted(list) : NULL;
		if (!list)
			return NULL;
		list = skip_spaces(list);
	} while (*list == ',');
	if (*list != ']')
		return NULL;
	list = skip_spaces(list + 1);
	return *list == ')' ? list + 1 : NULL;
}

/* Control characters, and a '%' that begins neither %% nor %NAME% nor %NAME(args)%. */
static const char *value_fault(const char *s)
{
	for (; *s; s++) {
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
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
			s = skip_arguments(s + 1);
			if (!s)
				return "arguments without their end, "
				       "want (text) or ([\"a\", \"b\"])";
		}
		if (*s != '%')
			return "a variable without its closing %";
	}
	return NULL;
}

static bool is_authority(const char *name)
{
	return !strcasecmp(name, "host") || !strcasecmp(name, ":authority");
}

static bool is_name(const char *name, bool authority)
{
	return is_authority(name) ? authority : name_is_header(name);
}

static void check_entry(struct decoder *d, const struct node *n, bool authority)
{
	const char *fault = value_fault(n->text);

	if (!is_name(n->key, authority))
		decode_error(d, n, "\"%.60s\" is no header that can be set", n->key);
	if (fault)
		decode_error(d, n, "the value has %s", fault);
}

static void check_request_entry(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	check_entry(d, n, true);
}

static void check_response_entry(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	check_entry(d, n, false);
}

static void check_remove(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!is_name(n->text, false))
		decode_error(d, n, "%s is no header that can be removed", quoted(d, n));
}

static int by_name(const void *a, const void *b)
{
	const struct header_value *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void values_set(struct decoder *d, const struct node *map, struct header_values *out)
{
	const struct node *it;

	if (!map || map->type != NODE_MAP || !map->nr)
		return;
	out->at = arena_alloc(d->arena, map->nr * sizeof(*out->at));
	node_each(map, it)
		if (it->type == NODE_STRING)
			out->at[out->nr++] = (struct header_value){
				arena_strdup(d->arena, it->key),
				arena_strndup(d->arena, it->text, it->length)};
	qsort(out->at, out->nr, sizeof(*out->at), by_name);
}

static void put_changes(struct decoder *d, const struct node *n, void *into)
{
	struct header_changes *changes = into;

	values_set(d, node_get(n, "add"), &changes->add);
	values_set(d, node_get(n, "set"), &changes->set);
}

static const struct field request_fields[] = {
	{"add", FIELD_STRING, FIELD_MAP, .check = check_request_entry},
	{"remove", FIELD_STRING, INTO_TEXTS(struct header_changes, remove), .check = check_remove},
	{"set", FIELD_STRING, FIELD_MAP, .check = check_request_entry},
	{0},
};
static const struct message request = {request_fields, .check = put_changes};

static const struct field response_fields[] = {
	{"add", FIELD_STRING, FIELD_MAP, .check = check_response_entry},
	{"remove", FIELD_STRING, INTO_TEXTS(struct header_changes, remove), .check = check_remove},
	{"set", FIELD_STRING, FIELD_MAP, .check = check_response_entry},
	{0},
};
static const struct message response = {response_fields, .check = put_changes};

static const struct field changes_fields[] = {
	{"request", FIELD_MESSAGE, .message = &request, INTO(struct http_headers, request)},
	{"response", FIELD_MESSAGE, .message = &response, INTO(struct http_headers, response)},
	{0},
};
const struct message header_changes = {changes_fields};

static bool is_empty(const struct header_changes *changes)
{
	return !changes->set.nr && !changes->add.nr && !changes->remove.nr;
}

const struct http_headers *headers_or_none(const struct http_headers *headers)
{
	bool none = !headers || (is_empty(&headers->request) && is_empty(&headers->response));

	return none ? NULL : headers;
}

static size_t authorities_in(const struct header_values *values)
{
	size_t nr = 0;

	for (size_t i = 0; i < values->nr; i++)
		nr += is_authority(values->at[i].name);
	return nr;
}

size_t headers_authorities(const struct http_headers *headers)
{
	if (!headers)
		return 0;
	return authorities_in(&headers->request.set) + authorities_in(&headers->request.add);
}
