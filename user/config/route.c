// SPDX-License-Identifier: GPL-2.0
/* Destinations and their weights, as every kind of route has them. */
#include <string.h>
#include <shunt/limits.h>
#include "config/checks.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/route.h"

static void check_destination_host(struct decoder *d, const struct node *n, void *into)
{
	struct destination *destination = into;

	if (!strcmp(n->text, "*"))
		decode_error(d, n, "the host * is no destination, want the name of a service");
	else if (name_is_address(n->text))
		decode_error(d, n, "%s is an address, want the name of a service", quoted(d, n));
	else
		check_wild_host(d, n, into);
	if (!destination)
		return;
	destination->place = n->place;
	destination->host = name_expand(d->arena, n->text, d->object->namespace);
}

static void check_destination(struct decoder *d, const struct node *n, void *into)
{
	struct destination *destination = into;

	(void)d;
	(void)n;
	if (!destination)
		return;
	text_fill(&destination->host);
	text_fill(&destination->subset);
}

static const struct field port_fields[] = {
	{"number", FIELD_INTEGER, PORT_RANGE, INTO_REQUIRED(struct destination, port)},
	{0},
};
static const struct message port_message = {port_fields};

void check_optional_label(struct decoder *d, const struct node *n, void *into)
{
	if (n->length)
		check_label(d, n, into);
}

static const struct field destination_fields[] = {
	{"host", INTO_REQUIRED(struct destination, host), .check = check_destination_host,
	 .want = "the name of a service"},
	{"port", FIELD_MESSAGE, .message = &port_message, INTO_SAME},
	{"subset", INTO(struct destination, subset), .check = check_optional_label},
	{0},
};
const struct message destination_message = {destination_fields, sizeof(struct destination),
					    check_destination};

void check_split(struct decoder *d, const struct node *n, void *into)
{
	struct destination *destination = into;

	(void)d;
	(void)n;
	/* when no destination was given, which is said already */
	text_fill(&destination->host);
	text_fill(&destination->subset);
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Sum over the gcd, and how many are above 0; false when a weight has a fault of its own. */
static bool weigh(const struct node *list, uint64_t *sum, size_t *nr)
{
	const struct node *it;
	uint64_t divisor = 0;

	*sum = *nr = 0;
	node_each(list, it) {
		const struct node *weight = node_get(it, "weight");
		int64_t value;

		if (!weight || weight->type == NODE_NULL)
			continue;
		if (weight->type != NODE_NUMBER)
			return false;
		if (integer_parse(weight->text, &value) || value < 0 || value > INT32_MAX)
			return false;
		*sum += (uint64_t)value;
		*nr += value > 0;
		divisor = gcd(divisor, (uint64_t)value);
	}
	if (divisor)
		*sum /= divisor;
	return true;
}

static void drop_zeros(struct vs_route *route)
{
	size_t nr = 0;

	for (size_t i = 0; i < route->nr_destinations; i++)
		route->destinations[i].index = i;
	if (route->nr_destinations == 1) {
		route->destinations->weight = 1;
		return;
	}
	for (size_t i = 0; i < route->nr_destinations; i++)
		if (route->destinations[i].weight)
			route->destinations[nr++] = route->destinations[i];
	route->nr_destinations = nr;
}

void check_weights(struct decoder *d, const struct node *n, struct vs_route *route)
{
	const struct node *list = node_get(n, "route");
	uint64_t sum;
	size_t nr;

	if (!list || list->type != NODE_LIST)
		return;
	if (list->nr > 1 && weigh(list, &sum, &nr)) {
		if (!sum)
			decode_error(d, list, "the weights add up to 0, want one above 0");
		if (nr > SHUNT_MAX_SPLIT)
			decode_error(d, list, "%zu destinations have a weight, want at most %d", nr,
				     SHUNT_MAX_SPLIT);
		if (sum > SHUNT_MAX_WEIGHT_SUM)
			decode_error(d, list,
				     "the weights add up to %llu after division by their "
				     "greatest common divisor, want at most %d",
				     (unsigned long long)sum, SHUNT_MAX_WEIGHT_SUM);
	}
	drop_zeros(route);
}

void route_finish(struct decoder *d, const struct node *n, struct vs_route *route)
{
	route->place = n->place;
	route->path = decode_path(d, n, NULL);
	text_fill(&route->name);
}

void match_finish(struct decoder *d, const struct node *n, struct route_match *match)
{
	match->place = n->place;
	text_fill(&match->source_namespace);
	gateway_refs_set(d, node_get(n, "gateways"), match->gateways, match->nr_gateways);
}
