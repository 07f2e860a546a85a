/* SPDX-License-Identifier: GPL-2.0 */
/* A prepared change: written, pointed at, and what it replaced let go. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "datapath/change.h"

static void write_schedule(struct datapath *dp, const struct change *c)
{
	struct schedule *to = &dp->schedules[c->route.schedule];

	memcpy(to, c->plan->schedule, c->route.schedule_length);
	dp->turns[c->route.turn].next = 0;
}

static struct installed *installed_new(struct datapath *dp, struct change *c)
{
	struct installed *in = xcalloc(1, sizeof(*in));

	in->port = c->port;
	in->slot = c->slot;
	in->route = dp->routes[c->slot];
	in->wanted = dp->syncs;
	vec_push(&c->port->list, in);
	return in;
}

static void write_clusters(struct datapath *dp, const struct change *c)
{
	const struct endpoint *endpoints = c->endpoints;
	const struct pool *pools = c->pools;

	for (uint32_t i = 0; i < c->route.nr_clusters; i++) {
		pools_write(dp, &c->clusters[i], pools, endpoints);
		pools += 2 * c->clusters[i].nr_levels;
		endpoints += c->clusters[i].nr_endpoints;
		dp->clusters[c->route.first_cluster + i] = c->clusters[i];
	}
}

void change_write(struct datapath *dp, struct change *c)
{
	if (c->in)
		return;
	write_clusters(dp, c);
	if (c->route.schedule_length && !c->before)
		write_schedule(dp, c);
	c->route.generation = dp->routes[c->slot].generation + 1;
	dp->routes[c->slot] = c->route;
	c->in = installed_new(dp, c);
}

static void key_leave(struct key_ref *k)
{
	struct installed *last = k->owner;

	for (size_t i = 0; i < last->keys.nr; i++)
		if (last->keys.at[i] == k)
			last->keys.at[i--] = last->keys.at[--last->keys.nr];
}

/* The programs look for subnets while there are any. */
static void subnets_count(struct datapath *dp, int by)
{
	__atomic_fetch_add(&dp->control->subnets, by, __ATOMIC_RELEASE);
}

static int insert_key(struct datapath *dp, const struct service_key *key, uint32_t slot)
{
	struct subnet_key subnet;

	if (!key->host_bits)
		return bpf_map_update_elem(dp->fds[MAP_SERVICES], key, &slot, BPF_ANY) ? -errno : 0;
	subnet = range_subnet_key(key);
	if (bpf_map_update_elem(dp->fds[MAP_SERVICE_SUBNETS], &subnet, &slot, BPF_ANY))
		return -errno;
	subnets_count(dp, 1);
	return 0;
}

static int remove_key(struct datapath *dp, const struct service_key *key)
{
	struct subnet_key subnet;

	if (!key->host_bits)
		return bpf_map_delete_elem(dp->fds[MAP_SERVICES], key) ? -errno : 0;
	subnet = range_subnet_key(key);
	if (bpf_map_delete_elem(dp->fds[MAP_SERVICE_SUBNETS], &subnet))
		return -errno;
	subnets_count(dp, -1);
	return 0;
}

static int point_key(struct datapath *dp, struct change *c, const struct wanted_key *want)
{
	uint64_t word = (uint64_t)c->in->route.generation << 32 | c->in->slot;
	struct service *service = &dp->services[want->slot];
	struct key_ref *k = key_ref_find(dp, &want->key);
	int err;

	if (k) {
		if (want->fresh) /* another host of this plan wanted it too, and came first */
			slots_undo(&dp->service_slots, want->slot, 1);
		__atomic_store_n(&dp->services[k->slot].word, word, __ATOMIC_RELEASE);
	} else {
		service->key = want->key;
		__atomic_store_n(&service->word, word, __ATOMIC_RELEASE);
		err = insert_key(dp, &want->key, want->slot);
		if (err)
			return err;
		k = key_ref_add(dp, &want->key, want->slot, c->in);
		vec_push(&c->in->keys, k);
	}
	if (k->owner != c->in) {
		key_leave(k);
		k->owner = c->in;
		vec_push(&c->in->keys, k);
	}
	k->wanted = want->passing ? 0 : dp->syncs;
	return 0;
}

static enum keys kind_of_key(const struct datapath *dp, const struct service_key *key)
{
	if (key->scope == SCOPE_ALL)
		return KEYS_EVERYONES;
	return scope_is_fresh(dp, key->scope) ? KEYS_FRESH : KEYS_KNOWN;
}

int change_point(struct datapath *dp, struct change *c, enum keys which)
{
	struct wanted_key *want;
	int err;

	vec_each(&c->keys, want) {
		if (want->slot == SLOT_NONE || kind_of_key(dp, &want->key) != which)
			continue;
		err = point_key(dp, c, want);
		if (err)
			return err;
	}
	return 0;
}

static void delete_key(struct datapath *dp, struct key_ref *k)
{
	int err = remove_key(dp, &k->key);

	if (err && err != -ENOENT)
		log_error("a service could not be deleted: %s", strerror(-err));
	slots_rest(&dp->service_slots, k->slot, 1, now_ns());
	key_ref_remove(dp, k);
}

static bool has_turn(const struct installed *other, const struct installed *in)
{
	return other != in && other->route.schedule_length && other->route.turn == in->route.turn;
}

/* Its position has gone on to another record; or an agent died between two keys of one port, and
 * left two records with one position. */
static bool turn_is_shared(const struct datapath *dp, const struct installed *in)
{
	for (size_t i = 0; i < dp->adopted.nr; i++)
		if (dp->adopted.at[i] && has_turn(dp->adopted.at[i], in))
			return true;
	for (size_t i = 0; in->port && i < in->port->list.nr; i++)
		if (has_turn(in->port->list.at[i], in))
			return true;
	return false;
}

static void route_rest(struct datapath *dp, const struct installed *in)
{
	const struct route *r = &in->route;
	uint64_t now = now_ns();

	for (uint32_t i = 0; i < r->nr_clusters; i++) {
		const struct cluster *c = &dp->clusters[r->first_cluster + i];

		pools_rest(dp, c, now);
		change_drop_refs(dp, c, 1, &dp->endpoints[c->first_endpoint]);
	}
	slots_rest(&dp->cluster_slots, r->first_cluster, r->nr_clusters, now);
	slots_rest(&dp->route_slots, in->slot, 1, now);
	if (r->schedule_length && !turn_is_shared(dp, in)) {
		slots_rest(&dp->turn_slots, r->turn, 1, now);
		slots_rest(&dp->schedule_slots, r->schedule, schedule_blocks(r->schedule_length),
			   now);
	}
}

static void installed_remove(struct datapath *dp, struct installed *in)
{
	struct port_ref *port = in->port;

	for (size_t i = 0; i < in->keys.nr; i++)
		delete_key(dp, in->keys.at[i]);
	route_rest(dp, in);
	for (size_t i = 0; port && i < port->list.nr; i++)
		if (port->list.at[i] == in)
			port->list.at[i--] = port->list.at[--port->list.nr];
	vec_free(&in->keys);
	free(in);
}

void adopted_sweep(struct datapath *dp)
{
	for (size_t i = 0; i < dp->adopted.nr; i++) {
		struct installed *in = dp->adopted.at[i];

		if (in->wanted == dp->syncs)
			continue;
		dp->adopted.at[i] = NULL;
		installed_remove(dp, in);
	}
	vec_free(&dp->adopted);
}

static void keys_sweep(struct datapath *dp, struct installed *in)
{
	for (size_t i = 0; i < in->keys.nr; i++) {
		struct key_ref *k = in->keys.at[i];

		if (k->wanted == dp->syncs)
			continue;
		in->keys.at[i--] = in->keys.at[--in->keys.nr];
		delete_key(dp, k);
	}
}

void port_sweep(struct datapath *dp, struct port_ref *port)
{
	for (size_t i = port->list.nr; i-- > 0;) {
		struct installed *in = port->list.at[i];

		if (in->wanted == dp->syncs)
			keys_sweep(dp, in);
		if (in->wanted != dp->syncs || !in->keys.nr)
			installed_remove(dp, in);
	}
}
