// SPDX-License-Identifier: GPL-2.0
/* An http route of a VirtualService; what only the proxy can do is not in force yet. */
#include <string.h>
#include "config/checks.h"
#include "config/http.h"
#include "config/policy.h"
#include "config/route.h"

static const struct field split_fields[] = {
	{"destination", FIELD_MESSAGE, .message = &destination_message, SAME_REQUIRED},
	{"headers", FIELD_MESSAGE, .message = &header_operations, .flags = FIELD_LATER},
	{"weight", FIELD_INTEGER, INT32_RANGE, INTO(struct destination, weight)},
	{0},
};
static const struct message split = {split_fields, sizeof(struct destination), check_split};

/* A route does one thing: forward, redirect, answer, or hand on to a delegate. */
static void check_action(struct decoder *d, const struct node *n)
{
	static const char *const beside_reply[] = {"route", "fault", "rewrite", NULL};
	static const char *const replies[] = {"redirect", "directResponse", NULL};
	static const char *const mirrors[] = {"mirror", "mirrors", NULL};
	const struct node *route = node_get(n, "route");
	bool forwards = route && route->type == NODE_LIST && route->nr;

	if (is_set(n, "delegate")) {
		for (size_t i = 0; i < 2; i++)
			if (is_set(n, i ? "redirect" : "route"))
				decode_error_key(d, n, i ? "redirect" : "route",
						 "stands beside delegate, want only one of them");
		return;
	}
	check_one_of(d, n, replies);
	check_one_of(d, n, mirrors);
	for (size_t r = 0; r < 2; r++)
		for (size_t i = 0; is_set(n, replies[r]) && beside_reply[i]; i++)
			if (is_set(n, beside_reply[i]))
				decode_error_key(d, n, beside_reply[i],
						 "stands beside %s, want only one of them",
						 replies[r]);
	if (!forwards && !is_set(n, "redirect") && !is_set(n, "directResponse"))
		decode_error_key(d, n, "route", "is missing, want at least one destination");
}

/* A prefix can only be rewritten where every match has one. */
static void check_prefix_rewrite(struct decoder *d, const struct node *n)
{
	const struct node *redirect_node = node_get(n, "redirect"), *match;

	if (!redirect_node || !is_set(redirect_node, "prefixRewrite"))
		return;
	node_each(node_get(n, "match"), match) {
		const struct node *uri = node_get(match, "uri");

		if (uri && !is_set(uri, "prefix"))
			decode_error(d, uri, "is no prefix, and prefixRewrite needs one");
	}
}

static void check_route(struct decoder *d, const struct node *n, void *into)
{
	struct vs_route *route = into;

	check_action(d, n);
	check_prefix_rewrite(d, n);
	check_weights(d, n, route);
	if (is_set(n, "mirrorPercent") || is_set(n, "mirror_percent"))
		decode_warning_key(d, n,
				   is_set(n, "mirrorPercent") ? "mirrorPercent" : "mirror_percent",
				   "is the old form, want mirrorPercentage");
	if (route)
		route_finish(d, n, route);
}

#define LATER_MESSAGE(name_, message_)                                                             \
	{                                                                                          \
		name_, FIELD_MESSAGE, .message = &message_, .flags = FIELD_LATER                   \
	}

static const struct field route_fields[] = {
	LATER_MESSAGE("corsPolicy", cors_policy),
	LATER_MESSAGE("delegate", delegate),
	LATER_MESSAGE("directResponse", direct_response),
	LATER_MESSAGE("fault", fault),
	LATER_MESSAGE("headers", header_operations),
	{"match", FIELD_MESSAGE, .message = &http_match, INTO_LIST(struct vs_route, matches)},
	LATER_MESSAGE("mirror", destination_message),
	{"mirror_percent", FIELD_INTEGER, .max = 100, .flags = FIELD_LATER},
	{"mirrorPercent", FIELD_INTEGER, .max = 100, .flags = FIELD_LATER},
	LATER_MESSAGE("mirrorPercentage", percent),
	{"mirrors", FIELD_MESSAGE, FIELD_LIST, .message = &mirror, .flags = FIELD_LATER},
	{"name", INTO(struct vs_route, name)},
	LATER_MESSAGE("redirect", redirect),
	{"retries", FIELD_MESSAGE, .message = &retries},
	LATER_MESSAGE("rewrite", rewrite),
	{"route", FIELD_MESSAGE, .message = &split, INTO_LIST(struct vs_route, destinations)},
	{"timeout", FIELD_DURATION, .flags = FIELD_LATER},
	{0},
};
const struct message http_route = {route_fields, sizeof(struct vs_route), check_route};
