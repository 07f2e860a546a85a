// SPDX-License-Identifier: GPL-2.0
/* Conditions of http routes: the port is in force, all others need the proxy. */
#include <string.h>
#include "config/checks.h"
#include "config/http.h"
#include "config/names.h"
#include "config/route.h"

static bool is_pseudo(const char *name)
{
	static const char *const pseudo[] = {":method", ":scheme", ":authority", ":path",
					     ":status"};

	for (size_t i = 0; i < sizeof(pseudo) / sizeof(*pseudo); i++)
		if (!strcmp(name, pseudo[i]))
			return true;
	return !strncmp(name, "@request.auth.claims", 20);
}

static void check_header_name(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!name_is_header(n->key) && !is_pseudo(n->key))
		decode_error(d, n, "\"%.60s\" is no header name", n->key);
}

static void check_match(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	check_match_gateways(d, n);
}

static const struct field match_fields[] = {
	{"authority", FIELD_MESSAGE, .message = &string_match, .flags = FIELD_LATER},
	{"gateways", FIELD_STRING, FIELD_LIST, .check = check_gateway_ref},
	{"headers", FIELD_MESSAGE, FIELD_MAP, .message = &string_match, .flags = FIELD_LATER,
	 .check = check_header_name},
	{"ignoreUriCase", FIELD_BOOL, .flags = FIELD_LATER},
	{"method", FIELD_MESSAGE, .message = &string_match, .flags = FIELD_LATER},
	{"name"},
	{"port", FIELD_INTEGER, .max = 65535, .want = "a port from 1 to 65535",
	 INTO(struct route_match, port)},
	{"queryParams", FIELD_MESSAGE, FIELD_MAP, .message = &string_match, .flags = FIELD_LATER},
	{"scheme", FIELD_MESSAGE, .message = &string_match, .flags = FIELD_LATER},
	{"sourceLabels", FIELD_STRING, FIELD_MAP, .flags = FIELD_LATER, .check = check_label_entry},
	{"sourceNamespace", .flags = FIELD_LATER, .check = check_label},
	{"statPrefix"},
	{"uri", FIELD_MESSAGE, .message = &uri_match, .flags = FIELD_LATER},
	{"withoutHeaders", FIELD_MESSAGE, FIELD_MAP, .message = &without_header_match,
	 .flags = FIELD_LATER, .check = check_header_name},
	{0},
};
const struct message http_match = {match_fields, sizeof(struct route_match), check_match};
