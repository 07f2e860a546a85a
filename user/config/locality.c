// SPDX-License-Identifier: GPL-2.0
/* Locality settings of a load balancer: checked, not in force yet. */
#include <string.h>
#include "config/policy.h"

/* region[/zone[/subzone]]: no empty part, one '*' at most and only at the end. */
static void check_locality(struct decoder *d, const struct node *n, const char *text)
{
	const char *star = strchr(text, '*');
	size_t length = strlen(text);

	if (!length || *text == '/' || text[length - 1] == '/' || strstr(text, "//"))
		decode_error(d, n, "\"%s\" has an empty part, want region/zone/subzone", text);
	else if (star && star[1])
		decode_error(d, n, "\"%s\" has * inside, want it only at the end", text);
}

static void check_from(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	check_locality(d, n, n->text);
}

static void check_to(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	check_locality(d, n, n->key);
}

static void check_shares(struct decoder *d, const struct node *n, void *into)
{
	const struct node *to = node_get(n, "to"), *it;
	int64_t sum = 0, share;

	(void)into;
	if (!to || to->type != NODE_MAP)
		return;
	node_each(to, it) {
		/* one that is out of range has been told already */
		if (it->type != NODE_NUMBER || integer_parse(it->text, &share) || share < 1 ||
		    share > 100)
			return;
		sum += share;
	}
	if (sum != 100)
		decode_error(d, to, "the weights add up to %lld, want 100", (long long)sum);
}

static const struct field distribute_fields[] = {
	{"from", .check = check_from},
	{"to", FIELD_INTEGER, FIELD_MAP, .min = 1, .max = 100, .check = check_to},
	{0},
};
static const struct message distribute = {distribute_fields, .check = check_shares};

static void check_region(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (strpbrk(n->text, "/*"))
		decode_error(d, n, "%s is no region, want a name without / and *", quoted(d, n));
}

static void check_way(struct decoder *d, const struct node *n, void *into)
{
	const char *from = text_of(n, "from"), *to = text_of(n, "to");

	(void)into;
	if (from && to && !strcmp(from, to))
		decode_error(d, n, "from and to are both \"%.60s\", want two regions", from);
}

static const struct field failover_fields[] = {
	{"from", .check = check_region},
	{"to", .check = check_region},
	{0},
};
static const struct message failover = {failover_fields, .check = check_way};

/* Keys that failover by region works with already. */
static bool has_topology_key(const struct node *priorities)
{
	static const char *const keys[] = {"topology.kubernetes.io/region",
					   "topology.kubernetes.io/zone",
					   "topology.istio.io/subzone"};
	const struct node *it;

	node_each(priorities, it)
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			if (it->type == NODE_STRING && !strcmp(it->text, keys[i]))
				return true;
	return false;
}

static void check_locality_setting(struct decoder *d, const struct node *n, void *into)
{
	static const char *const ways[] = {"distribute", "failover", NULL};

	(void)into;
	check_one_of(d, n, ways);
	if (is_set(n, "failover") && has_topology_key(node_get(n, "failoverPriority")))
		decode_error_key(
			d, n, "failoverPriority",
			"names a region, zone or subzone beside failover, want one of them");
}

static void check_zone_setting(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (has_topology_key(node_get(n, "failoverPriority")))
		decode_error_key(d, n, "failoverPriority",
				 "names a region, zone or subzone, want other labels");
}

static const struct field locality_fields[] = {
	{"distribute", FIELD_MESSAGE, FIELD_LIST, .message = &distribute},
	{"enabled", FIELD_BOOL},
	{"failover", FIELD_MESSAGE, FIELD_LIST, .message = &failover},
	{"failoverPriority", FIELD_STRING, FIELD_LIST},
	{0},
};
const struct message locality_balancer = {locality_fields, .check = check_locality_setting};

static const struct field zone_fields[] = {
	{"enabled", FIELD_BOOL},
	{"failover", FIELD_MESSAGE, FIELD_LIST, .message = &failover},
	{"failoverPriority", FIELD_STRING, FIELD_LIST},
	{"minClusterSize", FIELD_INTEGER, .min = 1, .max = UINT32_MAX},
	{0},
};
const struct message zone_balancer = {zone_fields, .check = check_zone_setting};
