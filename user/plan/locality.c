// SPDX-License-Identifier: GPL-2.0
/* Which endpoints are near the caller: their priority, and their share of the requests. */
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"
#include "plan/locality.h"

#define NETWORK_KEY "topology.istio.io/network"
#define HOSTNAME_KEY "kubernetes.io/hostname"
#define RANKS 5 /* of region, zone and subzone: 0 all the same … 3 and 4 another region */
#define SHARE_LIMIT 1000000 /* of one locality, when no smaller number gives exact shares */

static const char *const part_keys[] = {"topology.kubernetes.io/region",
					"topology.kubernetes.io/zone", "topology.istio.io/subzone"};

/* ---- localities ---- */

struct part {
	const char *at;
	size_t length;
};

/* "region/zone/subzone": part 0, 1 or 2; empty where there is none. */
static struct part part_of(const char *locality, unsigned n)
{
	for (; n && *locality; n--) {
		locality += strcspn(locality, "/");
		locality += *locality == '/';
	}
	return (struct part){locality, strcspn(locality, "/")};
}

static bool part_is(struct part a, struct part b)
{
	return a.length == b.length && !memcmp(a.at, b.at, a.length);
}

static bool part_says(struct part a, const char *text)
{
	return part_is(a, (struct part){text, strlen(text)});
}

/* "*" is any, and so is a zone or subzone that is not said. */
static bool locality_matches(const char *locality, const char *rule)
{
	for (unsigned i = 0; i < 3; i++) {
		struct part want = part_of(rule, i);

		if (part_says(want, "*") || (i && !want.length))
			continue;
		if (!part_is(part_of(locality, i), want))
			return false;
	}
	return true;
}

/* ---- who is compared ---- */

struct side {
	const char *locality, *node;
	const struct labels *labels; /* NULL: none */
};

static struct side caller_side(const struct planner *p)
{
	const struct labels *labels = caller_labels(p);
	const char *own = labels_get(labels, LOCALITY_LABEL);
	char *locality;

	if (!own)
		return (struct side){node_locality(p, p->set->node), p->set->node, labels};
	locality = arena_strdup(p->host->arena, own);
	for (char *c = locality; *c; c++)
		*c = *c == '.' ? '/' : *c;
	return (struct side){locality, p->set->node, labels};
}

static struct side endpoint_side(const struct backend *b)
{
	return (struct side){b->endpoint.locality, b->node, b->labels};
}

/* The value of a label, those of topology by where it is; empty without. */
static struct part side_value(const struct side *s, const char *key)
{
	const char *value = s->labels ? labels_get(s->labels, key) : NULL;

	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(key, part_keys[i]))
			return part_of(s->locality, i);
	if (!value && !strcmp(key, HOSTNAME_KEY))
		value = s->node;
	value = value ? value : "";
	return (struct part){value, strlen(value)};
}

/* ---- priorities ---- */

/* How many keys from the first that differs; the network, when it comes first, goes before all. */
static unsigned rank_by_keys(const struct side *caller, const struct side *e,
			     const char *const *keys, size_t nr)
{
	unsigned behind = 0;

	for (size_t i = 0; i < nr; i++) {
		size_t length = strcspn(keys[i], "=");
		char *key = xstrndup(keys[i], length);
		struct part want = keys[i][length] ? (struct part){keys[i] + length + 1,
								   strlen(keys[i] + length + 1)}
						   : side_value(caller, key);
		bool same = part_is(side_value(e, key), want);
		bool network = !i && !strcmp(key, NETWORK_KEY);

		free(key);
		if (!same && network)
			behind = (unsigned)nr;
		else if (!same)
			return behind + (unsigned)(nr - i);
	}
	return behind;
}

static unsigned rank_by_place(const char *caller, const char *e, const struct locality_setting *l)
{
	struct part region = part_of(caller, 0);
	unsigned same = 0; /* parts, from the region on */

	while (same < 3 && part_is(part_of(caller, same), part_of(e, same)))
		same++;
	if (same)
		return l && l->zone_aware ? 0 : 3 - same;
	for (size_t i = 0; l && i < l->nr_failover; i++)
		if (part_says(region, l->failover[i].from))
			return part_says(part_of(e, 0), l->failover[i].to) ? 3 : 4;
	return 3;
}

static int number_order(const void *a, const void *b)
{
	const unsigned *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Ranks become priorities from 0 on without a gap. */
static void ranks_take(struct plan_cluster *c, const unsigned *ranks)
{
	size_t nr = c->nr_endpoints, kept = 0;
	unsigned *order = xcalloc(nr, sizeof(*order));

	memcpy(order, ranks, nr * sizeof(*order));
	qsort(order, nr, sizeof(*order), number_order);
	for (size_t i = 0; i < nr; i++)
		if (!kept || order[kept - 1] != order[i])
			order[kept++] = order[i];
	for (size_t i = 0; i < nr; i++) {
		size_t priority = 0;

		while (order[priority] != ranks[i])
			priority++;
		c->endpoints[i].priority = priority < UINT8_MAX ? (uint8_t)priority : UINT8_MAX;
	}
	free(order);
}

/* `l` NULL: by where they are alone. */
static void failover_apply(const struct planner *p, struct plan_cluster *c,
			   const struct backend *of, const struct locality_setting *l)
{
	struct side caller = caller_side(p);
	unsigned *ranks = xcalloc(c->nr_endpoints, sizeof(*ranks));
	bool by_keys = l && l->nr_failover_priority;

	for (size_t i = 0; i < c->nr_endpoints; i++) {
		struct side e = endpoint_side(&of[i]);

		if (by_keys)
			ranks[i] = rank_by_keys(&caller, &e, l->failover_priority,
						l->nr_failover_priority) *
				   RANKS;
		if (!by_keys || l->nr_failover)
			ranks[i] += rank_by_place(caller.locality, e.locality, l);
	}
	ranks_take(c, ranks);
	free(ranks);
}

/* ---- shares ---- */

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Index of the first rule that has its locality; nr_to: none, it gets nothing. */
static size_t to_of(const struct distribute *d, const char *locality)
{
	size_t i = 0;

	while (i < d->nr_to && !locality_matches(locality, d->to[i].locality))
		i++;
	return i;
}

/* A number that the sums of the weights in each locality divide, so that shares are whole. */
static uint64_t common_multiple(const uint64_t *sums, size_t nr)
{
	uint64_t out = 1;

	for (size_t i = 0; i < nr; i++) {
		if (!sums[i])
			continue;
		out = out / common_divisor(out, sums[i]) * sums[i];
		if (out > SHARE_LIMIT)
			return SHARE_LIMIT;
	}
	return out;
}

/* In the smallest numbers. */
static void shares_reduce(struct plan_cluster *c)
{
	uint64_t divisor = 0;

	for (size_t i = 0; i < c->nr_endpoints; i++)
		divisor = common_divisor(c->endpoints[i].share, divisor);
	for (size_t i = 0; divisor && i < c->nr_endpoints; i++)
		c->endpoints[i].share = (uint32_t)(c->endpoints[i].share / divisor);
}

static void shares_apply(struct plan_cluster *c, const struct distribute *d)
{
	uint64_t *sums = xcalloc(d->nr_to + 1, sizeof(*sums)), multiple;

	for (size_t i = 0; i < c->nr_endpoints; i++)
		sums[to_of(d, c->endpoints[i].locality)] += c->endpoints[i].weight;
	multiple = common_multiple(sums, d->nr_to);
	for (size_t i = 0; i < c->nr_endpoints; i++) {
		struct plan_endpoint *e = &c->endpoints[i];
		size_t to = to_of(d, e->locality);
		double share = to < d->nr_to ? (double)d->to[to].weight * (double)multiple *
						       e->weight / (double)sums[to]
					     : 0;

		/* however small, who is listed gets something */
		e->share = to == d->nr_to ? 0 : share < 1 ? 1 : (uint32_t)(share + 0.5);
	}
	free(sums);
	shares_reduce(c);
}

/* ---- which of them ---- */

static const struct distribute *distribute_for(const struct locality_setting *l,
					       const char *locality)
{
	for (size_t i = 0; i < l->nr_distribute; i++)
		if (locality_matches(locality, l->distribute[i].from))
			return &l->distribute[i];
	return NULL;
}

const struct locality_setting *locality_of_service(const struct object *owner)
{
	static const char *same_node[] = {NETWORK_KEY, "topology.kubernetes.io/region",
					  "topology.kubernetes.io/zone",
					  "topology.istio.io/subzone", HOSTNAME_KEY};
	static const struct locality_setting zone = {
		.enabled = true, .failover_priority = same_node, .nr_failover_priority = 3};
	static const struct locality_setting node = {
		.enabled = true, .failover_priority = same_node, .nr_failover_priority = 5};
	const char *says = owner->kind == KIND_SERVICE ? owner->service.distribution : "";

	if (!strcmp(says, "PreferClose") || !strcmp(says, "PreferSameZone"))
		return &zone;
	return strcmp(says, "PreferSameNode") ? NULL : &node;
}

void locality_apply(const struct planner *p, struct plan_cluster *c, const struct object *owner,
		    const struct backend *of)
{
	const struct load_balancer *lb = c->full.blocks.load_balancer;
	const struct locality_setting *l = lb ? lb->locality : NULL;
	const struct locality_setting *service = l ? NULL : locality_of_service(owner);
	const struct distribute *d = NULL;

	for (size_t i = 0; i < c->nr_endpoints; i++)
		c->endpoints[i].share = c->endpoints[i].weight;
	if (l && !l->enabled)
		return;
	if (l && l->nr_distribute) {
		d = distribute_for(l, caller_side(p).locality);
		if (d)
			shares_apply(c, d);
	} else if (service || c->full.blocks.outlier_detection) {
		failover_apply(p, c, of, service ? service : l);
	}
}
