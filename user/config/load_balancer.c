// SPDX-License-Identifier: GPL-2.0
/* loadBalancer: the simple policies are in force; hashing, localities and slow start are not. */
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

static const struct field attribute_fields[] = {
	{"name", .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY},
	{"value"},
	{0},
};
static const struct message attribute = {attribute_fields};

static void check_cookie(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	check_unique(d, node_get(n, "attributes"), "name");
}

static const struct field cookie_fields[] = {
	{"attributes", FIELD_MESSAGE, FIELD_LIST, .message = &attribute},
	{"name", .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY},
	{"path"},
	{"ttl", FIELD_DURATION, .flags = FIELD_ZERO},
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
	int64_t size;

	(void)into;
	if (integer_parse(n->text, &size) || !is_prime(size))
		decode_error(d, n, "%s is not prime, want a prime number like 65537", quoted(d, n));
}

static const struct field maglev_fields[] = {
	{"tableSize", FIELD_INTEGER, .min = 1, .max = MAGLEV_MAX - 1, .flags = FIELD_REQUIRED,
	 .check = check_table_size},
	{0},
};
static const struct message maglev = {maglev_fields};

static const struct field ring_fields[] = {
	{"minimumRingSize", FIELD_INTEGER, .max = INT64_MAX},
	{0},
};
static const struct message ring = {ring_fields};

static void check_hash(struct decoder *d, const struct node *n, void *into)
{
	static const char *const key[] = {"httpHeaderName", "httpCookie", "useSourceIp",
					  "httpQueryParameterName", NULL};
	static const char *const algorithm[] = {"ringHash", "maglev", NULL};
	static const char *const legacy_ring[] = {"ringHash", "minimumRingSize", NULL};
	static const char *const legacy_maglev[] = {"maglev", "minimumRingSize", NULL};

	(void)into;
	check_one_of(d, n, key);
	check_one_of(d, n, algorithm);
	check_one_of(d, n, is_set(n, "maglev") ? legacy_maglev : legacy_ring);
	if (is_set(n, "minimumRingSize"))
		decode_warning_key(d, n, "minimumRingSize",
				   "is the old form, want ringHash.minimumRingSize");
}

static const struct field hash_fields[] = {
	{"httpCookie", FIELD_MESSAGE, .message = &cookie},
	{"httpHeaderName"},
	{"httpQueryParameterName"},
	{"maglev", FIELD_MESSAGE, .message = &maglev},
	{"minimumRingSize", FIELD_INTEGER, .max = INT64_MAX},
	{"ringHash", FIELD_MESSAGE, .message = &ring},
	{"useSourceIp", FIELD_BOOL},
	{0},
};
static const struct message consistent_hash = {hash_fields, .check = check_hash};

static const struct field warmup_fields[] = {
	{"aggression", FIELD_NUMBER, .max = INT32_MAX, .want = "a number above 0"},
	{"duration", FIELD_DURATION, .flags = FIELD_REQUIRED},
	{"minimumPercent", FIELD_NUMBER, .max = 100, .want = "a number from 0 to 100"},
	{0},
};
static const struct message warmup = {warmup_fields};

static const struct field utilization_fields[] = {
	{"errorUtilizationPenaltyPercent", FIELD_INTEGER},
	{"metricNamesForComputingUtilization", FIELD_STRING, FIELD_LIST},
	{"weightExpirationPeriod", FIELD_DURATION, .flags = FIELD_ZERO},
	{"weightStabilizationPeriod", FIELD_DURATION, .flags = FIELD_ZERO},
	{"weightUpdatePeriod", FIELD_DURATION, .flags = FIELD_ZERO},
	{0},
};
static const struct message utilization = {utilization_fields};

static void check_balancer(struct decoder *d, const struct node *n, void *into)
{
	static const char *const policies[] = {"simple", "consistentHash", "backendUtilization",
					       NULL};
	static const char *const localities[] = {"localityLbSetting", "zoneAwareLbSetting", NULL};
	struct load_balancer *balancer = into;

	check_one_of(d, n, policies);
	check_one_of(d, n, localities);
	if (balancer)
		balancer->place = n->place;
}

static const struct field balancer_fields[] = {
	{"backendUtilization", FIELD_MESSAGE, .message = &utilization, .flags = FIELD_LATER},
	{"consistentHash", FIELD_MESSAGE, .message = &consistent_hash, .flags = FIELD_LATER},
	{"localityLbSetting", FIELD_MESSAGE, .message = &locality_balancer, .flags = FIELD_LATER},
	{"simple", FIELD_WORD, .words = simple_words, INTO(struct load_balancer, simple)},
	{"warmup", FIELD_MESSAGE, .message = &warmup, .flags = FIELD_LATER},
	{"warmupDurationSecs", FIELD_DURATION, .flags = FIELD_LATER},
	{"zoneAwareLbSetting", FIELD_MESSAGE, .message = &zone_balancer, .flags = FIELD_LATER},
	{0},
};
const struct message load_balancer = {balancer_fields, .check = check_balancer};
