/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which cluster and endpoint has which state slot. A slot stays with its name while a record or a
 * live connection names it, so counts survive plans, and a cluster that comes back finds its own.
 */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "datapath/kernel.h"

static void name_id(char *out, size_t size, const char *host, uint16_t port, uint8_t protocol,
		    const char *subset)
{
	snprintf(out, size, "%s|%u%s|%s", host, port, protocol == IPPROTO_UDP ? "/udp" : "", subset);
}

static struct cluster_ref *cluster_ref_new(struct datapath *dp, const char *id, uint32_t slot)
{
	struct cluster_ref *c = xcalloc(1, sizeof(*c));

	c->id = xstrdup(id);
	c->slot = slot;
	c->generation = dp->cluster_state[slot].generation;
	strmap_put(&dp->cluster_refs, id, c);
	dp->by_slot[slot] = c;
	return c;
}

struct cluster_ref *cluster_ref_find(struct datapath *dp, const char *host, uint16_t port,
				     uint8_t protocol, const char *subset)
{
	char id[CLUSTER_ID];

	name_id(id, sizeof(id), host, port, protocol, subset);
	return strmap_get(&dp->cluster_refs, id);
}

/* A fresh slot: counts at zero, and a generation that no live socket can carry. */
static uint32_t fresh_cluster_state(struct datapath *dp)
{
	uint32_t slot = slots_take(&dp->cluster_state_slots, 1);
	struct cluster_state *s;
	uint32_t generation;

	if (slot == SLOT_NONE)
		return slot;
	s = &dp->cluster_state[slot];
	generation = (s->generation + 1) & HOLD_GENERATION_MASK;
	memset(s, 0, sizeof(*s));
	memset(&dp->cluster_rules[slot], 0, sizeof(*dp->cluster_rules));
	memset(&dp->traffic[slot], 0, sizeof(*dp->traffic));
	s->generation = generation;
	return slot;
}

static void cluster_ref_free(struct datapath *dp, struct cluster_ref *c)
{
	bpf_map_delete_elem(dp->fds[MAP_CLUSTER_NAMES], &c->slot);
	strmap_remove(&dp->cluster_refs, c->id);
	dp->by_slot[c->slot] = NULL;
	slots_undo(&dp->cluster_state_slots, c->slot, 1);
	free(c->id);
	free(c);
}

struct cluster_ref *cluster_ref_take(struct datapath *dp, const char *host, uint16_t port,
				     uint8_t protocol, const char *subset)
{
	struct cluster_ref *c = cluster_ref_find(dp, host, port, protocol, subset);
	struct cluster_name name = {.port = port, .protocol = protocol};
	char id[CLUSTER_ID];
	uint32_t slot;

	if (!c) {
		slot = fresh_cluster_state(dp);
		if (slot == SLOT_NONE)
			return NULL;
		name_id(id, sizeof(id), host, port, protocol, subset);
		c = cluster_ref_new(dp, id, slot);
		snprintf(name.host, sizeof(name.host), "%s", host);
		snprintf(name.subset, sizeof(name.subset), "%s", subset);
		name.generation = c->generation;
		if (bpf_map_update_elem(dp->fds[MAP_CLUSTER_NAMES], &slot, &name, 0)) {
			cluster_ref_free(dp, c);
			return NULL;
		}
	}
	if (!c->refs)
		c->came = dp->syncs;
	c->refs++;
	return c;
}

static void cluster_ref_retire(struct datapath *dp, struct cluster_ref *c)
{
	c->retired = now_ns();
	if (!c->listed)
		vec_push(&dp->retired_clusters, c);
	c->listed = true;
}

void cluster_ref_drop(struct datapath *dp, uint32_t slot)
{
	struct cluster_ref *c = dp->by_slot[slot];

	if (c && --c->refs == 0)
		cluster_ref_retire(dp, c);
}

void cluster_refs_retire_unused(struct datapath *dp)
{
	struct strmap_entry *e;

	strmap_each(&dp->cluster_refs, e) {
		struct cluster_ref *c = e->value;

		if (!c->refs)
			cluster_ref_retire(dp, c);
	}
}

struct cluster_ref *cluster_ref_adopt(struct datapath *dp, uint32_t slot)
{
	struct cluster_name name;
	char id[CLUSTER_ID];

	if (slot >= SHUNT_MAX_CLUSTER_STATES)
		return NULL;
	if (dp->by_slot[slot])
		return dp->by_slot[slot];
	if (bpf_map_lookup_elem(dp->fds[MAP_CLUSTER_NAMES], &slot, &name))
		return NULL;
	name.host[sizeof(name.host) - 1] = name.subset[sizeof(name.subset) - 1] = '\0';
	name_id(id, sizeof(id), name.host, name.port, name.protocol, name.subset);
	slots_mark(&dp->cluster_state_slots, slot, 1);
	return cluster_ref_new(dp, id, slot);
}

/* By its IPv4 address when it has one, as two may have one IPv6 address by mistake. */
struct endpoint_ref *endpoint_ref_find(struct datapath *dp, const struct plan_endpoint *e,
				       uint32_t cluster)
{
	struct endpoint_ref *r = NULL;

	if (e->has_ipv4)
		r = endpoint_named(dp, &e->ipv4, e->port, cluster);
	if (!r && e->has_ipv6) {
		r = endpoint_named(dp, &e->ipv6, e->port, cluster);
		if (r && e->has_ipv4 && r->named & NAMED_IPV4)
			return NULL;
	}
	return r;
}

static struct endpoint_ref *endpoint_ref_new(struct datapath *dp, uint32_t slot, uint32_t cluster)
{
	struct endpoint_ref *r = xcalloc(1, sizeof(*r));

	r->slot = slot;
	r->cluster = cluster;
	r->generation = dp->endpoint_state[slot].generation;
	dp->endpoint_by_slot[slot] = r;
	return r;
}

static struct endpoint_ref *endpoint_ref_make(struct datapath *dp, uint32_t cluster)
{
	uint32_t slot = slots_take(&dp->endpoint_state_slots, 1), generation;
	struct endpoint_state *s;

	if (slot == SLOT_NONE)
		return NULL;
	s = &dp->endpoint_state[slot];
	generation = s->generation + 1;
	memset(s, 0, sizeof(*s));
	s->generation = generation;
	return endpoint_ref_new(dp, slot, cluster);
}

struct endpoint_ref *endpoint_ref_take(struct datapath *dp, const struct plan_endpoint *e,
				       uint32_t cluster, bool joins)
{
	struct endpoint_ref *r = endpoint_ref_find(dp, e, cluster);

	if (!r)
		r = endpoint_ref_make(dp, cluster);
	if (!r)
		return NULL;
	if (e->has_ipv4)
		endpoint_name(dp, r, &e->ipv4, e->port, cluster);
	if (e->has_ipv6)
		endpoint_name(dp, r, &e->ipv6, e->port, cluster);
	if (!r->refs)
		r->since = joins ? now_ns() : 0;
	r->refs++;
	__atomic_store_n(&dp->endpoint_state[r->slot].gone, 0, __ATOMIC_RELAXED);
	member_add(dp, r);
	return r;
}

static void endpoint_ref_retire(struct datapath *dp, struct endpoint_ref *r)
{
	r->retired = now_ns();
	if (!r->listed)
		vec_push(&dp->retired_endpoints, r);
	r->listed = true;
}

void endpoint_ref_drop(struct datapath *dp, uint32_t slot)
{
	struct endpoint_ref *r = dp->endpoint_by_slot[slot];

	if (!r || --r->refs)
		return;
	__atomic_store_n(&dp->endpoint_state[r->slot].gone, 1, __ATOMIC_RELAXED);
	member_remove(dp, r);
	endpoint_ref_retire(dp, r);
}

void endpoint_ref_orphan(struct datapath *dp, uint32_t slot)
{
	slots_mark(&dp->endpoint_state_slots, slot, 1);
	endpoint_ref_retire(dp, endpoint_ref_new(dp, slot, SLOT_NONE));
}

void endpoint_ref_adopt(struct datapath *dp, const struct endpoint *e, uint32_t cluster)
{
	struct endpoint_ref *r;
	struct inet address;

	if (e->state >= SHUNT_MAX_ENDPOINT_STATES)
		return;
	r = dp->endpoint_by_slot[e->state];
	if (!r) {
		slots_mark(&dp->endpoint_state_slots, e->state, 1);
		r = endpoint_ref_new(dp, e->state, cluster);
		r->since = e->since;
	}
	memcpy(address.byte, e->address, 16);
	endpoint_name(dp, r, &address, e->port, cluster);
	r->refs++;
}

static void endpoint_ref_free(struct datapath *dp, struct endpoint_ref *r)
{
	endpoint_unname(dp, r);
	dp->endpoint_by_slot[r->slot] = NULL;
	slots_undo(&dp->endpoint_state_slots, r->slot, 1);
	free(r);
}

/* No record has named it for long enough, and no live connection does. */
static bool endpoint_is_free(const struct datapath *dp, const struct endpoint_ref *r, uint64_t now)
{
	return !r->refs && r->retired + SLOTS_REST_NS <= now && !dp->endpoint_state[r->slot].active;
}

static bool cluster_is_free(const struct datapath *dp, const struct cluster_ref *c, uint64_t now)
{
	return !c->refs && c->retired + SLOTS_REST_NS <= now && !dp->cluster_state[c->slot].active;
}

bool refs_due(const struct datapath *dp, uint64_t now)
{
	for (size_t i = 0; i < dp->retired_endpoints.nr; i++)
		if (dp->retired_endpoints.at[i]->refs ||
		    endpoint_is_free(dp, dp->retired_endpoints.at[i], now))
			return true;
	for (size_t i = 0; i < dp->retired_clusters.nr; i++)
		if (dp->retired_clusters.at[i]->refs ||
		    cluster_is_free(dp, dp->retired_clusters.at[i], now))
			return true;
	return false;
}

bool refs_reclaim(struct datapath *dp, uint64_t now)
{
	size_t endpoints = 0, clusters = 0;

	for (size_t i = 0; i < dp->retired_endpoints.nr; i++) {
		struct endpoint_ref *r = dp->retired_endpoints.at[i];

		if (r->refs) /* it came back */
			r->listed = false;
		else if (endpoint_is_free(dp, r, now))
			endpoint_ref_free(dp, r);
		else
			dp->retired_endpoints.at[endpoints++] = r;
	}
	dp->retired_endpoints.nr = endpoints;
	for (size_t i = 0; i < dp->retired_clusters.nr; i++) {
		struct cluster_ref *c = dp->retired_clusters.at[i];

		if (c->refs)
			c->listed = false;
		else if (cluster_is_free(dp, c, now))
			cluster_ref_free(dp, c);
		else
			dp->retired_clusters.at[clusters++] = c;
	}
	dp->retired_clusters.nr = clusters;
	return endpoints || clusters;
}

void refs_free(struct datapath *dp)
{
	struct strmap_entry *e;

	strmap_each(&dp->cluster_refs, e) {
		struct cluster_ref *c = e->value;

		free(c->id);
		free(c);
	}
	strmap_free(&dp->cluster_refs);
	endpoint_names_free(dp);
	for (uint32_t i = 0; i < SHUNT_MAX_ENDPOINT_STATES; i++)
		free(dp->endpoint_by_slot[i]);
	free(dp->endpoint_by_slot);
	vec_free(&dp->retired_clusters);
	vec_free(&dp->retired_endpoints);
	free(dp->by_slot);
}
