/* SPDX-License-Identifier: GPL-2.0 */
/* Opening what is pinned, for an agent that writes or for anyone who reads; and giving slots back. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "datapath/conns.h"
#include "datapath/kernel.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* An agent looks at the records of those slots alone that are within reach; NULL: at all. */
struct mapping {
	enum map_id id;
	void **records;
	struct slots *slots;
};

#define NR_MAPPINGS 16
#define MAPPING(dp, id, records, slots) {id, (void **)&(dp)->records, &(dp)->slots}
#define MAPPINGS(dp)                                                                              \
	{                                                                                         \
		MAPPING(dp, MAP_SERVICE_SLOTS, services, service_slots),                          \
			MAPPING(dp, MAP_ROUTES, routes, route_slots),                             \
			MAPPING(dp, MAP_SCHEDULES, schedules, schedule_slots),                    \
			MAPPING(dp, MAP_TURNS, turns, turn_slots),                                \
			MAPPING(dp, MAP_CLUSTERS, clusters, cluster_slots),                       \
			MAPPING(dp, MAP_POOLS, pools, pool_slots),                                \
			MAPPING(dp, MAP_CHARTS, charts, chart_slots),                             \
			MAPPING(dp, MAP_ENDPOINTS, endpoints, endpoint_slots),                    \
			MAPPING(dp, MAP_CLUSTER_STATE, cluster_state, cluster_state_slots),       \
			MAPPING(dp, MAP_ENDPOINT_STATE, endpoint_state, endpoint_state_slots),    \
			MAPPING(dp, MAP_CLUSTER_RULES, cluster_rules, cluster_state_slots),       \
			MAPPING(dp, MAP_TRAFFIC, traffic, cluster_state_slots),                   \
			MAPPING(dp, MAP_REQUESTS, requests, requests_slots),                      \
			MAPPING(dp, MAP_PROXY_TURNS, proxy_turns, proxy_turn_slots),              \
			{MAP_CONTROL, (void **)&(dp)->control, NULL},                             \
			{MAP_CALLERS, (void **)&(dp)->callers, NULL},                             \
	}

static int map_records(struct datapath *dp, char **why)
{
	struct mapping mappings[NR_MAPPINGS] = MAPPINGS(dp);

	for (size_t i = 0; i < NR_MAPPINGS; i++) {
		const struct mapping *m = &mappings[i];
		int err = dp->readonly || !m->slots ?
				  map_mmap(dp->fds[m->id], m->id, !dp->readonly, m->records) :
				  map_reserve(m->id, m->records);

		if (err) {
			*why = xasprintf("map %s cannot be mapped: %s", map_infos[m->id].name,
					 strerror(-err));
			return err;
		}
	}
	return 0;
}

/* Of all maps that these slots are of. As of other memory, there is no going on without. */
static void map_more(const struct slots *slots, uint32_t from, uint32_t to, void *arg)
{
	struct datapath *dp = arg;
	struct mapping mappings[NR_MAPPINGS] = MAPPINGS(dp);

	for (size_t i = 0; i < NR_MAPPINGS; i++) {
		const struct mapping *m = &mappings[i];
		int err = m->slots == slots ?
				  map_extend(dp->fds[m->id], m->id, from, to, *m->records) : 0;

		if (!err)
			continue;
		log_error("map %s cannot be mapped: %s", map_infos[m->id].name, strerror(-err));
		abort();
	}
}

static void follow_slots(struct datapath *dp)
{
	const struct mapping mappings[NR_MAPPINGS] = MAPPINGS(dp);

	for (size_t i = 0; i < NR_MAPPINGS; i++)
		if (mappings[i].slots)
			slots_follow(mappings[i].slots, map_more, dp);
}

static void init_slots(struct datapath *dp)
{
	slots_init(&dp->service_slots, "service entries", SHUNT_MAX_SERVICES);
	slots_init(&dp->route_slots, "route records", SHUNT_MAX_ROUTES);
	slots_init(&dp->schedule_slots, "schedule records", SHUNT_MAX_SCHEDULE_BLOCKS);
	slots_init(&dp->turn_slots, "turn counters", SHUNT_MAX_TURNS);
	slots_init(&dp->cluster_slots, "cluster records", SHUNT_MAX_CLUSTERS);
	slots_init(&dp->pool_slots, "pool records", SHUNT_MAX_POOLS);
	slots_init(&dp->chart_slots, "chart records", SHUNT_MAX_CHART_BLOCKS);
	slots_init(&dp->endpoint_slots, "endpoint records", SHUNT_MAX_ENDPOINTS);
	slots_init(&dp->cluster_state_slots, "cluster states", SHUNT_MAX_CLUSTER_STATES);
	slots_init(&dp->endpoint_state_slots, "endpoint states", SHUNT_MAX_ENDPOINT_STATES);
	slots_init(&dp->scope_slots, "scopes", SHUNT_MAX_SCOPES);
	slots_init(&dp->caller_slots, "network namespaces", SHUNT_MAX_CALLERS);
	slots_init(&dp->requests_slots, "counts of requests", SHUNT_MAX_REQUESTS);
	slots_init(&dp->proxy_turn_slots, "turn counters of the proxy", SHUNT_MAX_PROXY_TURNS);
}

/* Callers in the agent's own network namespace are the host's. */
static int put_host_scope(struct datapath *dp, char **why)
{
	socklen_t size = sizeof(uint64_t);
	uint64_t cookie;
	int err = 0, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size))
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (!err)
		err = caller_put(dp, cookie, SCOPE_HOST);
	dp->host_netns = err ? 0 : cookie;
	if (err)
		*why = xasprintf("the cookie of this network namespace: %s", strerror(-err));
	return err;
}

static int maps_missing(const char *root, int err, char **why)
{
	char path[256];

	pin_path(path, sizeof(path), root, "control");
	if (err == -ENOENT && !access(path, F_OK)) {
		*why = xasprintf("the programs below %s/%s are of another version, which has other "
				 "maps: start its agent anew, or run `shunt unload --root %s`",
				 BPFFS, root, root);
		return -EPROTO;
	}
	*why = err == -ENOENT ? xasprintf("nothing is loaded below %s/%s", BPFFS, root) :
				xasprintf("opening %s/%s: %s", BPFFS, root, strerror(-err));
	return err;
}

static int open_maps(const char *root, bool readonly, struct datapath **out, char **why)
{
	struct datapath *dp = xcalloc(1, sizeof(*dp));
	int err;

	*why = NULL;
	snprintf(dp->root, sizeof(dp->root), "%s", root);
	dp->readonly = readonly;
	dp->by_slot = xcalloc(SHUNT_MAX_CLUSTER_STATES, sizeof(*dp->by_slot));
	dp->endpoint_by_slot =
		xcalloc(SHUNT_MAX_ENDPOINT_STATES, sizeof(*dp->endpoint_by_slot));
	err = maps_open(root, dp->fds);
	err = err ? maps_missing(root, err, why) : map_records(dp, why);
	if (!err)
		err = conns_open(dp);
	if (err) {
		datapath_close(dp);
		return err;
	}
	*out = dp;
	return 0;
}

/* An agent may be writing meanwhile: what is learnt of the slots is a reading, not a truth. */
int datapath_open_readonly(const char *root, struct datapath **out, char **why)
{
	int err = open_maps(root, true, out, why);

	if (err)
		return err;
	init_slots(*out);
	if (adopt(*out, why)) {
		free(*why);
		*why = NULL;
	}
	return 0;
}

int datapath_open(const char *root, struct datapath **out, char **why)
{
	struct datapath *dp;
	int err = open_maps(root, false, &dp, why);

	if (err)
		return err;
	init_slots(dp);
	follow_slots(dp);
	err = adopt(dp, why);
	if (!err)
		err = put_host_scope(dp, why);
	if (err) {
		datapath_close(dp);
		return err;
	}
	*out = dp;
	return 0;
}

static void free_key(void *node)
{
	free(node);
}

static void installed_free(struct installed *in)
{
	vec_free(&in->keys);
	free(in);
}

static void ports_free(struct datapath *dp)
{
	struct strmap_entry *e;

	for (size_t i = 0; i < dp->adopted.nr; i++)
		installed_free(dp->adopted.at[i]);
	vec_free(&dp->adopted);
	strmap_each(&dp->ports, e) {
		struct port_ref *port = e->value;

		for (size_t i = 0; i < port->list.nr; i++)
			installed_free(port->list.at[i]);
		vec_free(&port->list);
		free(port->name);
		free(port);
	}
	strmap_free(&dp->ports);
}

#define NR_SLOTS 14

static void all_slots(struct datapath *dp, struct slots *all[NR_SLOTS])
{
	struct slots *list[NR_SLOTS] = {
		&dp->service_slots, &dp->route_slots,	 &dp->schedule_slots,
		&dp->turn_slots,    &dp->cluster_slots,	 &dp->endpoint_slots,
		&dp->cluster_state_slots, &dp->endpoint_state_slots,
		&dp->scope_slots, &dp->caller_slots,
		&dp->requests_slots, &dp->proxy_turn_slots, &dp->pool_slots, &dp->chart_slots};

	memcpy(all, list, sizeof(list));
}

void datapath_close(struct datapath *dp)
{
	struct slots *all[NR_SLOTS];
	struct mapping mappings[NR_MAPPINGS] = MAPPINGS(dp);

	for (size_t i = 0; i < NR_MAPPINGS; i++)
		map_munmap(mappings[i].id, *mappings[i].records);
	all_slots(dp, all);
	for (size_t i = 0; i < NR_SLOTS; i++)
		slots_free(all[i]);
	ring_buffer__free(dp->ring);
	walk_close(dp);
	drain_close(dp);
	ports_free(dp);
	scopes_free(dp);
	requests_close(dp);
	vec_free(&dp->caller_refs);
	vec_free(&dp->node_addresses);
	bpf_object__close(dp->outside);
	bpf_object__close(dp->capture);
	free(dp->capture_fault);
	conns_close(dp);
	tdestroy(dp->key_tree, free_key);
	refs_free(dp);
	maps_close(dp->fds);
	free(dp);
}

bool datapath_rests(const struct datapath *dp)
{
	struct slots *all[NR_SLOTS];
	uint32_t n = 0;

	all_slots((struct datapath *)dp, all);
	for (size_t i = 0; i < NR_SLOTS; i++)
		n += all[i]->nr_resting;
	return n || dp->retired_clusters.nr || dp->retired_endpoints.nr;
}

void datapath_wait_rested(struct datapath *dp)
{
	uint64_t end = now_ns() + SLOTS_REST_NS;
	int wait;

	do {
		wait = datapath_reclaim(dp);
		if (wait > 0)
			usleep(wait * 1000);
	} while (wait >= 0 && now_ns() < end);
	datapath_reclaim(dp);
}

int datapath_reclaim(struct datapath *dp)
{
	struct slots *all[NR_SLOTS];
	uint64_t now = now_ns(), due = UINT64_MAX;
	bool ready = refs_due(dp, now), waits;

	all_slots(dp, all);
	for (size_t i = 0; i < NR_SLOTS; i++)
		if (slots_due(all[i], now) < due)
			due = slots_due(all[i], now);
	if (due == 0 || ready)
		grace_period();
	due = UINT64_MAX;
	for (size_t i = 0; i < NR_SLOTS; i++) {
		slots_reclaim(all[i], now);
		if (slots_due(all[i], now) < due)
			due = slots_due(all[i], now);
	}
	waits = ready ? refs_reclaim(dp, now) : dp->retired_clusters.nr || dp->retired_endpoints.nr;
	if (due == UINT64_MAX && !waits)
		return -1;
	if (waits && due > SLOTS_REST_NS)
		due = SLOTS_REST_NS;
	return due / 1000000 + 1;
}
