// SPDX-License-Identifier: GPL-2.0
/* An http route of a VirtualService. */
#include <string.h>
#include "config/checks.h"
#include "config/http.h"
#include "config/policy.h"
#include "config/route.h"

#define ALL_MILLIONTHS 1000000

static void check_authorities(struct decoder *d, const struct node *n,
			      const struct http_headers *headers, bool rewritten)
{
	size_t nr = headers_authorities(headers) + rewritten;

	if (nr > 1)
		decode_error_key(d, n, "headers",
				 "the authority is assigned %zu times, want it once in %s", nr,
				 rewritten ? "rewrite.authority or the headers" : "set or add");
}

static void check_http_split(struct decoder *d, const struct node *n, void *into)
{
	struct destination *destination = into;

	check_split(d, n, into);
	check_authorities(d, n, destination->headers, false);
	destination->headers = headers_or_none(destination->headers);
}

static const struct field split_fields[] = {
	{"destination", FIELD_MESSAGE, .message = &destination_message, SAME_REQUIRED},
	{"headers", FIELD_MESSAGE, .message = &header_changes,
	 INTO_MADE(struct destination, headers)},
	{"weight", FIELD_INTEGER, INT32_RANGE, INTO(struct destination, weight)},
	{0},
};
static const struct message split = {split_fields, sizeof(struct destination), check_http_split};

/* ---- mirrors ---- */

static void check_mirror(struct decoder *d, const struct node *n, void *into)
{
	struct http_mirror *m = into;

	check_split(d, n, &m->destination);
	m->millionths = is_set(n, "percentage") ? millionths_of(node_get(n, "percentage"))
						: ALL_MILLIONTHS;
}

static const struct field mirrors_fields[] = {
	{"destination", FIELD_MESSAGE, .message = &destination_message,
	 INTO_REQUIRED(struct http_mirror, destination)},
	{"percentage", FIELD_MESSAGE, .message = &percent},
	{0},
};
static const struct message mirror_message = {mirrors_fields, .check = check_mirror};

static const struct field mirror_field = {"mirror", FIELD_MESSAGE, .message = &destination_message,
					  INTO(struct http_mirror, destination)};

/* Of the route: mirrorPercentage, or the integer of old; false: neither is given. */
static bool mirror_share(const struct node *n, uint32_t *out)
{
	const char *old = text_of(n, "mirrorPercent");
	int64_t value;

	if (is_set(n, "mirrorPercentage")) {
		*out = millionths_of(node_get(n, "mirrorPercentage"));
		return true;
	}
	old = old ? old : text_of(n, "mirror_percent");
	if (!old || integer_parse(old, &value) || value < 0 || value > 100)
		return false;
	*out = (uint32_t)value * (ALL_MILLIONTHS / 100);
	return true;
}

/* `mirror` is a mirror in front of `mirrors`, with its share beside it. */
static void put_mirror(struct decoder *d, const struct node *n, struct vs_route *route)
{
	struct http_mirror *all = arena_alloc(d->arena, (route->nr_mirrors + 1) * sizeof(*all));

	decode_one(d, &mirror_field, n, all);
	all->millionths = route->mirror_share ? *route->mirror_share : ALL_MILLIONTHS;
	for (size_t i = 0; i < route->nr_mirrors; i++)
		all[i + 1] = route->mirrors[i];
	route->mirrors = all;
	route->nr_mirrors++;
}

static void check_mirrors(struct decoder *d, const struct node *n, struct vs_route *route)
{
	static const char *const old[] = {"mirrorPercent", "mirror_percent"};
	uint32_t share;

	if (mirror_share(n, &share))
		route->mirror_share = memcpy(arena_alloc(d->arena, sizeof(share)), &share,
					     sizeof(share));
	if (is_set(n, "mirror"))
		put_mirror(d, n, route);
	if (route->nr_mirrors)
		route->mirror_field = is_set(n, "mirror") ? "mirror" : "mirrors";
	for (size_t i = 0; i < 2; i++)
		if (is_set(n, old[i]))
			decode_warning_key(d, n, old[i], "is the old form, want mirrorPercentage");
}

/* ---- the route ---- */

/* A delegate brings the action along, so nothing else is asked for. */
static void check_root(struct decoder *d, const struct node *n)
{
	static const char *const never[] = {"route", "redirect", NULL};

	for (size_t i = 0; never[i]; i++)
		if (i ? is_set(n, never[i]) : is_given(n, never[i]))
			decode_error_key(d, n, never[i],
					 "stands beside delegate, want only one of them");
}

/* A route does one thing: forward, redirect, answer, or hand on to a delegate. */
static void check_action(struct decoder *d, const struct node *n)
{
	static const char *const beside_reply[] = {"route", "fault", "rewrite", NULL};
	static const char *const replies[] = {"redirect", "directResponse", NULL};

	check_one_of(d, n, replies);
	if (is_set(n, "mirror") && is_given(n, "mirrors"))
		decode_error_key(d, n, "mirrors", "mirror is given too, want only one of them");
	for (size_t r = 0; r < 2; r++)
		for (size_t i = 0; is_set(n, replies[r]) && beside_reply[i]; i++)
			if (i ? is_set(n, beside_reply[i]) : is_given(n, beside_reply[i]))
				decode_error_key(d, n, beside_reply[i],
						 "stands beside %s, want only one of them",
						 replies[r]);
	if (!is_given(n, "route") && !is_set(n, "redirect") && !is_set(n, "directResponse"))
		decode_error_key(d, n, "route", "is missing, want at least one destination");
}

/* A prefix can only be rewritten where every match has one. */
static void check_prefix_rewrite(struct decoder *d, const struct node *n)
{
	const struct node *match;

	if (!is_given(node_get(n, "redirect"), "prefixRewrite"))
		return;
	node_each(node_get(n, "match"), match) {
		const struct node *uri = node_get(match, "uri");

		if (is_set(match, "uri") && !is_set(uri, "prefix"))
			decode_error(d, uri, "is no prefix, and prefixRewrite needs one");
	}
}

static void check_route(struct decoder *d, const struct node *n, void *into)
{
	struct vs_route *route = into;

	if (is_set(n, "delegate"))
		check_root(d, n);
	else
		check_action(d, n);
	check_mirrors(d, n, route);
	check_prefix_rewrite(d, n);
	check_weights(d, n, route);
	check_authorities(d, n, route->headers, route->rewrite && route->rewrite->authority);
	route->headers = headers_or_none(route->headers);
	route_finish(d, n, route);
}

static const struct field route_fields[] = {
	{"corsPolicy", FIELD_MESSAGE, .message = &cors_policy, INTO_MADE(struct vs_route, cors)},
	{"delegate", FIELD_MESSAGE, .message = &delegate, INTO_MADE(struct vs_route, delegate)},
	{"directResponse", FIELD_MESSAGE, .message = &direct_response,
	 INTO_MADE(struct vs_route, direct_response)},
	{"fault", FIELD_MESSAGE, .message = &fault, INTO_MADE(struct vs_route, fault)},
	{"headers", FIELD_MESSAGE, .message = &header_changes, INTO_MADE(struct vs_route, headers)},
	{"match", FIELD_MESSAGE, .message = &http_match, INTO_LIST(struct vs_route, matches)},
	{"mirror", FIELD_ANY},
	{"mirror_percent", FIELD_INTEGER, .max = 100},
	{"mirrorPercent", FIELD_INTEGER, .max = 100},
	{"mirrorPercentage", FIELD_MESSAGE, .message = &percent},
	{"mirrors", FIELD_MESSAGE, .message = &mirror_message, INTO_LIST(struct vs_route, mirrors)},
	{"name", INTO(struct vs_route, name)},
	{"redirect", FIELD_MESSAGE, .message = &redirect, INTO_MADE(struct vs_route, redirect)},
	{"retries", FIELD_MESSAGE, .message = &retries, INTO_MADE(struct vs_route, retries)},
	{"rewrite", FIELD_MESSAGE, .message = &rewrite, INTO_MADE(struct vs_route, rewrite)},
	{"route", FIELD_MESSAGE, .message = &split, INTO_LIST(struct vs_route, destinations)},
	{"timeout", FIELD_DURATION, INTO(struct vs_route, timeout)},
	{0},
};
const struct message http_route = {route_fields, sizeof(struct vs_route), check_route};
