// SPDX-License-Identifier: GPL-2.0
/* DestinationRule: the policy of a host, and its subsets. */
#include "config/checks.h"
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"

static void check_subset(struct decoder *d, const struct node *n, void *into)
{
	struct subset *subset = into;

	(void)d;
	if (!subset)
		return;
	subset->place = n->place;
	if (!subset->name)
		subset->name = "";
}

static const struct field subset_fields[] = {
	{"labels", FIELD_STRING, FIELD_MAP, .check = check_label_entry,
	 INTO(struct subset, labels)},
	{"name", INTO_REQUIRED(struct subset, name), .check = check_label,
	 .want = "the name of the subset"},
	{"trafficPolicy", FIELD_MESSAGE, .message = &traffic_policy, INTO_MADE(struct subset, policy)},
	{0},
};
static const struct message subset_message = {subset_fields, sizeof(struct subset), check_subset};

static void check_selector(struct decoder *d, const struct node *n, void *into)
{
	const struct node *labels = node_get(n, "matchLabels");

	(void)into;
	if (!labels || !labels->nr)
		decode_warning(d, n, "selects nothing in particular, want matchLabels");
}

static const struct field selector_fields[] = {
	{"matchLabels", FIELD_STRING, FIELD_MAP, .check = check_selector_entry},
	{0},
};
static const struct message selector = {selector_fields, .check = check_selector};

static void check_rule(struct decoder *d, const struct node *n, void *into)
{
	struct destination_rule *rule = into;

	rule->host = rule->host ? name_expand(d->arena, rule->host, d->object->namespace) : "";
	check_unique(d, node_get(n, "subsets"), "name");
	check_export_to(d, n, false);
}

static const struct field rule_fields[] = {
	{"exportTo", FIELD_STRING, FIELD_LIST},
	{"host", INTO_REQUIRED(struct destination_rule, host), .check = check_wild_host,
	 .want = "the host that the rule is for"},
	{"subsets", FIELD_MESSAGE, .message = &subset_message,
	 INTO_LIST(struct destination_rule, subsets)},
	{"trafficPolicy", FIELD_MESSAGE, .message = &traffic_policy,
	 INTO_MADE(struct destination_rule, policy)},
	{"workloadSelector", FIELD_MESSAGE, .message = &selector, .flags = FIELD_LATER},
	{0},
};
static const struct message rule = {rule_fields, .check = check_rule};

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &rule, INTO_REQUIRED(struct object, destination_rule)},
	{0},
};
const struct message destination_rule_message = {top_fields};
