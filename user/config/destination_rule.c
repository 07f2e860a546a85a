// SPDX-License-Identifier: GPL-2.0
/* DestinationRule: the policy of a host, and its subsets. */
#include <string.h>
#include "config/checks.h"
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"

static void check_subset(struct decoder *d, const struct node *n, void *into)
{
	struct subset *subset = into;

	(void)d;
	subset->place = n->place;
	text_fill(&subset->name);
}

static const struct field subset_fields[] = {
	{"labels", FIELD_STRING, FIELD_MAP, .check = check_label_entry,
	 INTO(struct subset, labels)},
	{"name", INTO_REQUIRED(struct subset, name), .check = check_label,
	 .want = "the name of the subset"},
	{"trafficPolicy", FIELD_MESSAGE, .message = &traffic_policy,
	 INTO_MADE(struct subset, policy)},
	{0},
};
static const struct message subset_message = {subset_fields, sizeof(struct subset), check_subset};

static void check_selector(struct decoder *d, const struct node *n, void *into)
{
	struct destination_rule *rule = into;

	rule->has_workload_selector = true;
	if (!rule->workload_selector.nr)
		decode_warning(d, n, "selects nothing in particular, want matchLabels");
}

static const struct field selector_fields[] = {
	{"matchLabels", FIELD_STRING, FIELD_MAP, .check = check_selector_entry,
	 INTO(struct destination_rule, workload_selector)},
	{0},
};
static const struct message selector = {selector_fields, .check = check_selector};

/* A rule for some callers is for those of its own namespace. */
static void check_private(struct decoder *d, const struct node *n)
{
	const struct node *list = node_get(n, "exportTo");
	const struct node *one = list && list->nr == 1 ? list->child : NULL;
	const char *to = one && one->type == NODE_STRING ? one->text : NULL;

	if (list && list->nr > 1)
		decode_error_key(d, n, "exportTo",
				 "has %zu entries beside workloadSelector, want only .", list->nr);
	else if (to && (!strcmp(to, "*") || name_is_label(to)) && strcmp(to, d->object->namespace))
		decode_error(d, one,
			     "%s is not the namespace of the rule, want . beside workloadSelector",
			     quoted(d, one));
}

static void check_rule(struct decoder *d, const struct node *n, void *into)
{
	struct destination_rule *rule = into;

	rule->host = rule->host ? name_expand(d->arena, rule->host, d->object->namespace) : "";
	check_unique(d, node_get(n, "subsets"), "name");
	check_export_to(d, n, false);
	if (rule->has_workload_selector)
		check_private(d, n);
}

static const struct field rule_fields[] = {
	{"exportTo", FIELD_STRING, FIELD_LIST},
	{"host", INTO_REQUIRED(struct destination_rule, host), .check = check_dns_host,
	 .want = "the host that the rule is for"},
	{"subsets", FIELD_MESSAGE, .message = &subset_message,
	 INTO_LIST(struct destination_rule, subsets)},
	{"trafficPolicy", FIELD_MESSAGE, .message = &traffic_policy,
	 INTO_MADE(struct destination_rule, policy)},
	{"workloadSelector", FIELD_MESSAGE, .message = &selector, INTO_SAME},
	{0},
};
static const struct message rule = {rule_fields, .check = check_rule};

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &rule, INTO_REQUIRED(struct object, destination_rule)},
	{0},
};
const struct message destination_rule_message = {top_fields};
