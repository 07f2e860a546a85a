// SPDX-License-Identifier: GPL-2.0
/* loadBalancer: how endpoints are chosen, by policy, by hash, and while they warm up. */
#include <string.h>
#include "config/checks.h"
#include "config/policy.h"

#define MAGLEV_MAX 5000011

static const struct word simple_words[] = {
	{"UNSPECIFIED", LB_UNSET},
	{"LEAST_CONN", LB_LEAST_REQUEST},
	{"RANDOM", LB_RANDOM},
	{"PASSTHROUGH", LB_PASSTHROUGH},
	{"ROUND_ROBIN", LB_ROUND_ROBIN},
	{"LEAST_REQUEST", LB_LEAST_REQUEST},
	{0},
};

static void check_attribute(struct decoder *d, const struct node *n, void *into)
{
	struct header_value *attribute = into;

	(void)d;
	(void)n;
	text_fill(&attribute->name);
	text_fill(&attribute->value);
}

static const struct field attribute_fields[] = {
	{"name", INTO_WITH(struct header_value, name, FIELD_REQUIRED | FIELD_NOT_EMPTY)},
	{"value", INTO(struct header_value, value)},
	{0},
};
static const struct message attribute = {attribute_fields, sizeof(struct header_value),
					 check_attribute};

static void check_cookie(struct decoder *d, const struct node *n, void *into)
{
	struct consistent_hash *hash = into;

	check_unique(d, node_get(n, "attributes"), "name");
	hash->key = HASH_COOKIE;
	if (!is_set(n, "ttl"))
		hash->cookie_ttl = -1;
}

static const struct field cookie_fields[] = {
	{"attributes", FIELD_MESSAGE, FIELD_LIST, .message = &attribute,
	 .offset = offsetof(struct consistent_hash, cookie_attributes.at),
	 .offset_nr = offsetof(struct consistent_hash, cookie_attributes.nr),
	 .size = sizeof(struct header_value), .flags = FIELD_KEPT},
	{"name", INTO_WITH(struct consistent_hash, name, FIELD_REQUIRED | FIELD_NOT_EMPTY)},
	{"path", INTO(struct consistent_hash, cookie_path)},
	{"ttl", FIELD_DURATION, INTO_WITH(struct consistent_hash, cookie_ttl, FIELD_FINE)},
	{0},
};
static const struct message cookie = {cookie_fields, .check = check_cookie};

static bool is_prime(int64_t v)
{
	if (v < 2 || (v > 2 && v % 2 == 0))
		return false;
	for (int64_t i = 3; i * i <= v; i += 2)
		if (v % i == 0)
			return false;
	return true;
}

static void check_table_size(struct decoder *d, const struct node *n, void *into)
{
	const struct consistent_hash *hash = into;

	if (!is_prime((int64_t)hash->table_size))
		decode_error(d, n, "%s is not prime, want a prime number like 65537", quoted(d, n));
}

static const struct field maglev_fields[] = {
	{"tableSize", FIELD_INTEGER, .min = 1, .max = MAGLEV_MAX - 1,
	 INTO_REQUIRED(struct consistent_hash, table_size), .check = check_table_size,
	 .want = "a prime number like 65537, below 5000011"},
	{0},
};
static const struct message maglev = {maglev_fields};

static const struct field ring_fields[] = {
	{"minimumRingSize", FIELD_INTEGER, .max = INT64_MAX,
	 INTO(struct consistent_hash, table_size)},
	{0},
};
static const struct message ring = {ring_fields};

static void put_hash(const struct node *n, struct consistent_hash *hash)
{
	if (is_set(n, "httpHeaderName"))
		hash->key = HASH_HEADER;
	else if (is_set(n, "httpQueryParameterName"))
		hash->key = HASH_QUERY;
	else if (is_true(n, "useSourceIp"))
		hash->key = HASH_SOURCE_IP;
	if (hash->key != HASH_COOKIE)
		hash->cookie_ttl = -1;
	hash->maglev = is_set(n, "maglev");
	text_fill(&hash->name);
	text_fill(&hash->cookie_path);
	hash->place = n->key_place;
}

static void check_hash(struct decoder *d, const struct node *n, void *into)
{
	static const char *const key[] = {"httpHeaderName", "httpCookie", "useSourceIp",
					  "httpQueryParameterName", NULL};
	static const char *const algorithm[] = {"ringHash", "maglev", NULL};
	static const char *const legacy_ring[] = {"ringHash", "minimumRingSize", NULL};
	static const char *const legacy_maglev[] = {"maglev", "minimumRingSize", NULL};

	check_one_of(d, n, key);
	check_one_of(d, n, algorithm);
	check_one_of(d, n, is_set(n, "maglev") ? legacy_maglev : legacy_ring);
	if (is_set(n, "minimumRingSize"))
		decode_warning_key(d, n, "minimumRingSize",
				   "is the old form, want ringHash.minimumRingSize");
	put_hash(n, into);
}

static const struct field hash_fields[] = {
	{"httpCookie", FIELD_MESSAGE, .message = &cookie, INTO_SAME},
	{"httpHeaderName", INTO(struct consistent_hash, name)},
	{"httpQueryParameterName", INTO(struct consistent_hash, name)},
	{"maglev", FIELD_MESSAGE, .message = &maglev, INTO_SAME},
	{"minimumRingSize", FIELD_INTEGER, .max = INT64_MAX,
	 INTO(struct consistent_hash, table_size)},
	{"ringHash", FIELD_MESSAGE, .message = &ring, INTO_SAME},
	{"useSourceIp", FIELD_BOOL},
	{0},
};
static const struct message consistent_hash = {hash_fields, .check = check_hash};

static void check_aggression(struct decoder *d, const struct node *n, void *into)
{
	const struct warmup *warmup = into;

	if (warmup->aggression <= 0)
		decode_error(d, n, "%s is out of range, want a number above 0", quoted(d, n));
}

static void check_warmup(struct decoder *d, const struct node *n, void *into)
{
	struct warmup *warmup = into;

	(void)d;
	if (!is_set(n, "minimumPercent"))
		warmup->minimum_percent = 10;
	if (!is_set(n, "aggression"))
		warmup->aggression = 1;
	warmup->place = n->key_place;
}

static const struct field warmup_fields[] = {
	{"aggression", FIELD_NUMBER, INTO(struct warmup, aggression), .check = check_aggression,
	 .want = "a number above 0"},
	{"duration", FIELD_DURATION, INTO_REQUIRED(struct warmup, duration)},
	{"minimumPercent", FIELD_NUMBER, .max = 100, INTO(struct warmup, minimum_percent),
	 .want = "a number from 0 to 100"},
	{0},
};
static const struct message warmup = {warmup_fields, .check = check_warmup};

static const struct field utilization_fields[] = {
	{"errorUtilizationPenaltyPercent", FIELD_INTEGER},
	{"metricNamesForComputingUtilization", FIELD_STRING, FIELD_LIST},
	{"weightExpirationPeriod", FIELD_DURATION, .flags = FIELD_FINE},
	{"weightStabilizationPeriod", FIELD_DURATION, .flags = FIELD_FINE},
	{"weightUpdatePeriod", FIELD_DURATION, .flags = FIELD_FINE},
	{0},
};
static const struct message utilization = {utilization_fields};

/* The old form of warmup is passed over where both are given. */
static void put_old_warmup(struct decoder *d, const struct node *n, void *into)
{
	struct load_balancer *balancer = into;
	struct warmup *warmup;

	if (balancer->warmup)
		return;
	warmup = arena_alloc(d->arena, sizeof(*warmup));
	duration_parse(n->text, &warmup->duration);
	warmup->minimum_percent = 10;
	warmup->aggression = 1;
	warmup->place = n->key_place;
	balancer->warmup = warmup;
}

static void check_balancer(struct decoder *d, const struct node *n, void *into)
{
	static const char *const policies[] = {"simple", "consistentHash", "backendUtilization",
					       NULL};
	static const char *const localities[] = {"localityLbSetting", "zoneAwareLbSetting", NULL};
	struct load_balancer *balancer = into;

	check_one_of(d, n, policies);
	check_one_of(d, n, localities);
	if (is_set(n, "backendUtilization"))
		decode_warning_key(d, n, "backendUtilization",
				   "is not supported, want simple or consistentHash");
	balancer->place = n->key_place;
}

static const struct field balancer_fields[] = {
	{"backendUtilization", FIELD_MESSAGE, .message = &utilization, .flags = FIELD_LATER},
	{"consistentHash", FIELD_MESSAGE, .message = &consistent_hash,
	 INTO_MADE(struct load_balancer, hash)},
	{"localityLbSetting", FIELD_MESSAGE, .message = &locality_balancer,
	 INTO_MADE(struct load_balancer, locality)},
	{"simple", FIELD_WORD, .words = simple_words, INTO(struct load_balancer, simple)},
	{"warmup", FIELD_MESSAGE, .message = &warmup, INTO_MADE(struct load_balancer, warmup)},
	{"warmupDurationSecs", FIELD_DURATION, .min = 1000000, .flags = FIELD_FINE,
	 .check = put_old_warmup},
	{"zoneAwareLbSetting", FIELD_MESSAGE, .message = &zone_balancer,
	 INTO_MADE(struct load_balancer, locality)},
	{0},
};
const struct message load_balancer = {balancer_fields, .check = check_balancer};
