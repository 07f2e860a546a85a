// SPDX-License-Identifier: GPL-2.0
/* What of callers matters to those who say which servers are near. */
#include <string.h>
#include "plan/locality.h"

struct taker {
	void (*take)(void *arg, const char *key);
	void *arg;
};

/* Detection alone makes those servers come first that are near. */
static void policy_keys(const struct traffic_policy *p, const struct taker *to)
{
	const struct locality_setting *l =
		p && p->load_balancer ? p->load_balancer->locality : NULL;

	if (!p)
		return;
	if (l || p->outlier_detection)
		to->take(to->arg, LOCALITY_LABEL);
	for (size_t i = 0; l && i < l->nr_failover_priority; i++)
		if (!strchr(l->failover_priority[i], '='))
			to->take(to->arg, l->failover_priority[i]);
	for (size_t i = 0; i < p->nr_ports; i++)
		policy_keys(&p->ports[i].policy, to);
}

void locality_keys(const struct object *o, void (*take)(void *arg, const char *key), void *arg)
{
	const struct taker to = {take, arg};

	if (o->kind == KIND_SERVICE && locality_of_service(o))
		take(arg, LOCALITY_LABEL);
	if (o->kind != KIND_DESTINATION_RULE)
		return;
	policy_keys(o->destination_rule.policy, &to);
	for (size_t i = 0; i < o->destination_rule.nr_subsets; i++)
		policy_keys(o->destination_rule.subsets[i].policy, &to);
}
