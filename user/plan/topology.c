// SPDX-License-Identifier: GPL-2.0
/* Servers that are left out for callers on this node: by internalTrafficPolicy, by hints of slices. */
#include <string.h>
#include "plan/host.h"

bool node_is_ours(const struct planner *p, const char *node)
{
	return p->set->node && *p->set->node && !strcmp(p->set->node, node);
}

/* ---- hints ---- */

static bool is_among(const char *name, const char *const *names, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool is_for_node(const struct backend *b, const char *node)
{
	return is_among(node, b->hints->nodes, b->hints->nr_nodes);
}

static bool is_for_zone(const struct backend *b, const char *zone)
{
	return is_among(zone, b->hints->zones, b->hints->nr_zones);
}

/* Hints count when every ready server has them, and one of them is for the caller; else none does. */
static bool are_for_node(const struct backends *backends, const char *node)
{
	const struct backend *b;
	bool covered = false;

	vec_each(&backends->list, b) {
		if (!b->hints || !b->hints->nr_nodes)
			return false;
		covered |= is_for_node(b, node);
	}
	return covered;
}

static bool are_for_zone(const struct backends *backends, const char *zone)
{
	const struct backend *b;
	bool covered = false;

	vec_each(&backends->list, b) {
		if (!b->hints || !b->hints->nr_zones)
			return false;
		covered |= is_for_zone(b, zone);
	}
	return covered;
}

/* The zone of "region/zone/subzone"; `out` is cut. */
static const char *zone_of(const char *locality, char *out, size_t size)
{
	const char *zone = strchr(locality, '/');
	size_t length = zone ? strcspn(zone + 1, "/") : 0;

	length = length < size ? length : size - 1;
	memcpy(out, zone ? zone + 1 : "", length);
	out[length] = '\0';
	return out;
}

typedef bool is_for(const struct backend *b, const char *place);

static void keep(struct backends *backends, is_for *wanted, const char *place)
{
	size_t kept = 0;

	for (size_t i = 0; i < backends->list.nr; i++)
		if (wanted(&backends->list.at[i], place))
			backends->list.at[kept++] = backends->list.at[i];
	backends->list.nr = kept;
}

/* What a DestinationRule says of localities goes before them. */
static void hints_apply(const struct planner *p, const struct plan_cluster *c,
			struct backends *backends)
{
	const struct load_balancer *lb = c->full.blocks.load_balancer;
	const char *node = p->set->node ? p->set->node : "";
	char zone[256];

	if ((lb && lb->locality) || !*node)
		return;
	zone_of(node_locality(p, node), zone, sizeof(zone));
	if (are_for_node(backends, node))
		keep(backends, is_for_node, node);
	else if (*zone && are_for_zone(backends, zone))
		keep(backends, is_for_zone, zone);
}

/* ---- internalTrafficPolicy ---- */

static bool is_on_node(const struct backend *b, const char *node)
{
	return !strcmp(b->node, node);
}

static void local_apply(struct planner *p, const struct object *owner, struct backends *backends)
{
	const char *node = p->set->node && *p->set->node ? p->set->node : NULL;
	size_t nr = backends->list.nr;

	if (node)
		keep(backends, is_on_node, node);
	if (!node)
		host_find(p, DIAG_NOTICE, &owner->place, owner, "spec.internalTrafficPolicy",
			  "Local has no effect without --node: which endpoints are on the node is "
			  "not known");
	else if (nr && !backends->list.nr)
		host_find(p, DIAG_WARNING, &owner->place, owner, "spec.internalTrafficPolicy",
			  "is Local, and none of %zu endpoint%s is on node %s: connections are "
			  "refused", nr, nr == 1 ? "" : "s", node);
}

void topology_apply(struct planner *p, const struct plan_cluster *c, const struct object *owner,
		    bool outside, struct backends *backends)
{
	if (!outside && owner->kind == KIND_SERVICE && owner->service.internal_local)
		local_apply(p, owner, backends);
	else
		hints_apply(p, c, backends);
}
