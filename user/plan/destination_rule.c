// SPDX-License-Identifier: GPL-2.0
/* Which DestinationRules count for a host, seen from whoever calls. */
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"

/* Whether only its own namespace sees it: a rule that selects callers is never exported. */
static bool is_private(const struct object *o)
{
	const struct export_to *e = &o->export_to;

	if (o->destination_rule.has_workload_selector)
		return true;
	return e->given && !e->all && e->nr_namespaces == 1 && export_names(e, o->namespace);
}

/* ---- which merge ---- */

static bool labels_equal(const struct labels *a, const struct labels *b)
{
	return a->nr == b->nr && labels_contain(a, b);
}

static bool selectors_equal(const struct object *a, const struct object *b)
{
	const struct destination_rule *x = &a->destination_rule, *y = &b->destination_rule;

	return x->has_workload_selector == y->has_workload_selector &&
	       labels_equal(&x->workload_selector, &y->workload_selector);
}

/* Whether `o` is exported at least to where `to` is; nothing said is the same as "*". */
static bool export_covers(const struct object *o, const struct object *to)
{
	const struct export_to *e = &to->export_to;

	if (o->destination_rule.has_workload_selector || !o->export_to.given || o->export_to.all)
		return true;
	if (!e->given || e->all)
		return false;
	for (size_t i = 0; i < e->nr_namespaces; i++)
		if (!export_names(&o->export_to, e->namespaces[i]))
			return false;
	return true;
}

static bool merges_into(const struct object *o, const struct object *leader)
{
	return selectors_equal(o, leader) && export_covers(o, leader);
}

/* The first of those with its selector and its exportTo, which the others merge into. */
static bool is_leader(const struct rules *found, size_t which)
{
	const struct object *o = found->list.at[which];

	for (size_t i = 0; i < which; i++)
		if (merges_into(o, found->list.at[i]) && export_covers(found->list.at[i], o))
			return false;
	return true;
}

/* Of rules in order: one that selects the caller, else the last that selects nobody. */
static size_t leader_of(const struct rules *found)
{
	size_t last = found->list.nr - 1;

	if (found->list.at[0]->destination_rule.has_workload_selector)
		return 0;
	while (!is_leader(found, last))
		last--;
	return last;
}

/* Drops the rules that select other callers. */
static void select_rules(const struct planner *p, struct rules *found)
{
	size_t nr = 0;

	for (size_t i = 0; i < found->list.nr; i++)
		if (labels_contain(caller_labels(p),
				   &found->list.at[i]->destination_rule.workload_selector))
			found->list.at[nr++] = found->list.at[i];
	found->list.nr = nr;
}

static int rule_order(const void *a, const void *b)
{
	const struct object *x = *(struct object *const *)a, *y = *(struct object *const *)b;
	int order = y->destination_rule.has_workload_selector -
		    x->destination_rule.has_workload_selector;

	return order ? order : object_order(x, y);
}

/* Leaves the rules of `found` that count together for the caller. */
static void merge(const struct planner *p, struct rules *found)
{
	size_t leader, nr = 0;

	select_rules(p, found);
	if (!found->list.nr)
		return;
	qsort(found->list.at, found->list.nr, sizeof(found->list.at[0]), rule_order);
	leader = leader_of(found);
	for (size_t i = leader; i < found->list.nr; i++)
		if (merges_into(found->list.at[i], found->list.at[leader]))
			found->list.at[nr++] = found->list.at[i];
	found->list.nr = nr;
}

/* ---- finding them ---- */

typedef bool rule_test(const struct object *o, const char *client);

/* Rules of the caller's own namespace that it may use. */
static bool is_own(const struct object *o, const char *client)
{
	return !strcmp(client, ROOT_NAMESPACE) ? is_private(o) : object_is_visible(o, client);
}

static bool is_exported(const struct object *o, const char *client)
{
	(void)client;
	return !is_private(o);
}

/* The rules of `namespace` that pass, of the most specific host text that any has. */
static void rules_in(const struct planner *p, const char *host, const char *namespace,
		     rule_test *test, struct rules *out)
{
	const struct bag *bag;
	struct object *o;
	size_t step = 0;

	while (!out->list.nr && (bag = index_rules_in(p->index, namespace, host, &step)))
		bag_each(bag, o)
			if (test(o, caller_namespace(p)))
				vec_push(&out->list, o);
}

/* What is most specific hides the rest also when it is not for the caller. */
static void exported_rules_in(const struct planner *p, const char *host, const char *namespace,
			      struct rules *out)
{
	size_t nr = 0;

	if (out->list.nr)
		return;
	rules_in(p, host, namespace, is_exported, out);
	for (size_t i = 0; i < out->list.nr; i++)
		if (object_is_visible(out->list.at[i], caller_namespace(p)))
			out->list.at[nr++] = out->list.at[i];
	out->list.nr = nr;
}

void rules_of(const struct planner *p, const char *host, const char *namespace, struct rules *out)
{
	memset(out, 0, sizeof(*out));
	rules_in(p, host, caller_namespace(p), is_own, out);
	exported_rules_in(p, host, namespace, out);
	exported_rules_in(p, host, ROOT_NAMESPACE, out);
	if (out->list.nr)
		merge(p, out);
}

const struct subset *subset_find(const struct rules *rules, const char *name,
				 struct object **rule)
{
	struct object **o;

	vec_each(&rules->list, o) {
		const struct destination_rule *dr = &(*o)->destination_rule;

		for (size_t i = 0; i < dr->nr_subsets; i++) {
			if (strcmp(dr->subsets[i].name, name))
				continue;
			*rule = *o;
			return &dr->subsets[i];
		}
	}
	return NULL;
}
