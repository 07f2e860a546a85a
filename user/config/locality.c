// SPDX-License-Identifier: GPL-2.0
/* Locality settings of a load balancer: shares for localities, and where to go when one fails. */
#include <string.h>
#include "base/strmap.h"
#include "config/checks.h"
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

/* A map of localities that were seen: each as LISTED, and each that holds one of them as HOLDS. */
static char LISTED[] = "listed", HOLDS[] = "holds";

/* Whether it holds one that was seen before, or the other way round; it counts as seen then. */
static bool overlaps(struct decoder *d, struct strmap *seen, const char *locality)
{
	char *at = arena_strdup(d->arena, locality), *slash = strrchr(at, '/');
	bool overlap;

	/* with a star for its last part it is all of the others, alone it is everything: "" */
	if (!strcmp(slash ? slash + 1 : at, "*"))
		*(slash ? slash : at) = '\0';
	overlap = strmap_get(seen, at);
	strmap_put(seen, at, LISTED);
	while (*at && !overlap) {
		slash = strrchr(at, '/');
		*(slash ? slash : at) = '\0';
		overlap = strmap_get(seen, at) == LISTED;
		if (!overlap)
			strmap_put(seen, at, HOLDS);
	}
	return overlap;
}

static void put_shares(struct decoder *d, const struct node *to, struct distribute *out)
{
	struct strmap seen = {0};
	const struct node *it;
	int64_t sum = 0, share;

	out->to = arena_alloc(d->arena, (to->nr + 1) * sizeof(*out->to));
	node_each(to, it) {
		if (it->type == NODE_NULL)
			decode_error(d, it, "null is given, want a whole number from 1 to 100");
		else if (*it->key && overlaps(d, &seen, it->key))
			decode_error(d, it, "\"%s\" overlaps another locality, want them apart",
				     it->key);
		/* one that is out of range has been told already */
		if (it->type != NODE_NUMBER || integer_parse(it->text, &share) || share < 1 ||
		    share > 100)
			sum = INT64_MIN;
		else
			sum += share;
		out->to[out->nr_to].locality = arena_strdup(d->arena, it->key);
		out->to[out->nr_to++].weight = sum < 0 ? 0 : (uint32_t)share;
	}
	if (sum >= 0 && sum != 100)
		decode_error(d, to, "the weights add up to %lld, want 100", (long long)sum);
	strmap_free(&seen);
}

static void check_distribute(struct decoder *d, const struct node *n, void *into)
{
	const struct node *to = node_get(n, "to");

	if (!is_set(n, "to"))
		decode_error_key(d, n, "to", "is missing, want localities with weights");
	else if (to->type == NODE_MAP)
		put_shares(d, to, into);
}

static const struct field distribute_fields[] = {
	{"from", INTO_REQUIRED(struct distribute, from), .check = check_from,
	 .want = "region/zone/subzone"},
	{"to", FIELD_INTEGER, FIELD_MAP, .min = 1, .max = 100, .check = check_to},
	{0},
};
static const struct message distribute = {distribute_fields, sizeof(struct distribute),
					  check_distribute};

static void check_region(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (strpbrk(n->text, "/*"))
		decode_error(d, n, "%s is no region, want a name without / and *", quoted(d, n));
}

static void check_way(struct decoder *d, const struct node *n, void *into)
{
	struct failover *way = into;

	text_fill(&way->from);
	text_fill(&way->to);
	if (!strcmp(way->from, way->to))
		decode_error(d, n, "from and to are both \"%.60s\", want two regions", way->from);
}

static const struct field failover_fields[] = {
	{"from", INTO(struct failover, from), .check = check_region},
	{"to", INTO(struct failover, to), .check = check_region},
	{0},
};
static const struct message failover = {failover_fields, sizeof(struct failover), check_way};

/* Keys that failover by region works with already. */
static bool has_topology_key(const struct locality_setting *setting)
{
	static const char *const keys[] = {"topology.kubernetes.io/region",
					   "topology.kubernetes.io/zone",
					   "topology.istio.io/subzone"};

	for (size_t i = 0; i < setting->nr_failover_priority; i++)
		for (size_t j = 0; j < sizeof(keys) / sizeof(*keys); j++)
			if (setting->failover_priority[i] &&
			    !strcmp(setting->failover_priority[i], keys[j]))
				return true;
	return false;
}

static void check_sources(struct decoder *d, const struct node *list,
			  const struct locality_setting *setting)
{
	struct strmap seen = {0};
	const struct node *it;
	size_t i = 0;

	node_each(list, it) {
		const char *from = setting->distribute[i++].from;

		if (from && *from && overlaps(d, &seen, from))
			decode_error(d, node_get(it, "from"),
				     "\"%s\" overlaps another locality, want them apart", from);
	}
	strmap_free(&seen);
}

static void check_locality_setting(struct decoder *d, const struct node *n, void *into)
{
	static const char *const ways[] = {"distribute", "failover", NULL};
	struct locality_setting *setting = into;

	setting->enabled = setting->enabled || !is_set(n, "enabled");
	setting->place = n->key_place;
	if (setting->nr_distribute && setting->nr_failover)
		check_one_of(d, n, ways);
	else if (setting->nr_failover && has_topology_key(setting))
		decode_error_key(
			d, n, "failoverPriority",
			"names a region, zone or subzone beside failover, want one of them");
	else if (setting->nr_distribute)
		check_sources(d, node_get(n, "distribute"), setting);
}

static void check_zone_setting(struct decoder *d, const struct node *n, void *into)
{
	struct locality_setting *setting = into;

	setting->enabled = setting->enabled || !is_set(n, "enabled");
	setting->zone_aware = true;
	setting->place = n->key_place;
	if (has_topology_key(setting))
		decode_error_key(d, n, "failoverPriority",
				 "names a region, zone or subzone, want other labels");
}

static const struct field locality_fields[] = {
	{"distribute", FIELD_MESSAGE, .message = &distribute,
	 INTO_LIST(struct locality_setting, distribute)},
	{"enabled", FIELD_BOOL, INTO(struct locality_setting, enabled)},
	{"failover", FIELD_MESSAGE, .message = &failover,
	 INTO_LIST(struct locality_setting, failover)},
	{"failoverPriority", INTO_LIST(struct locality_setting, failover_priority)},
	{0},
};
const struct message locality_balancer = {locality_fields, .check = check_locality_setting};

static const struct field zone_fields[] = {
	{"enabled", FIELD_BOOL, INTO(struct locality_setting, enabled)},
	{"failover", FIELD_MESSAGE, .message = &failover,
	 INTO_LIST(struct locality_setting, failover)},
	{"failoverPriority", INTO_LIST(struct locality_setting, failover_priority)},
	{"minClusterSize", FIELD_INTEGER, .min = 1, .max = UINT32_MAX,
	 INTO(struct locality_setting, min_cluster_size)},
	{0},
};
const struct message zone_balancer = {zone_fields, .check = check_zone_setting};
