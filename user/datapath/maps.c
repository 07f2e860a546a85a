/* SPDX-License-Identifier: GPL-2.0 */
/* The pinned maps: their names, where they are, and their records as memory. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <shunt/counters.h>
#include <shunt/endpoint.h>
#include <shunt/limits.h>
#include <shunt/requests.h>
#include <shunt/rules.h>
#include <shunt/service.h>
#include <shunt/track.h>
#include <shunt/traffic.h>
#include "datapath/maps.h"

const struct map_info map_infos[NR_MAPS] = {
	[MAP_SERVICES] = {"services", "what is dialled -> its slot in service_slots", 0,
			  SHUNT_MAX_SERVICES},
	[MAP_SERVICE_SUBNETS] = {"service_subnets",
				 "what is dialled in a subnet -> its slot in service_slots", 0,
				 SHUNT_MAX_SERVICES},
	[MAP_SERVICE_SLOTS] = {"service_slots", "service -> the route in force (slot, generation)",
			       sizeof(struct service), SHUNT_MAX_SERVICES},
	[MAP_ROUTES] = {"routes", "route: its destinations and its schedule",
			sizeof(struct route), SHUNT_MAX_ROUTES},
	[MAP_SCHEDULES] = {"schedules", "which destination takes each turn",
			   sizeof(struct schedule), SHUNT_MAX_SCHEDULE_BLOCKS},
	[MAP_TURNS] = {"turns", "turns given out so far, a split route each", sizeof(struct turn),
		       SHUNT_MAX_TURNS},
	[MAP_CLUSTERS] = {"clusters", "destination of a route: policy, limit, endpoints",
			  sizeof(struct cluster), SHUNT_MAX_CLUSTERS},
	[MAP_POOLS] = {"pools", "endpoints of one family and priority of a destination",
		       sizeof(struct pool), SHUNT_MAX_POOLS},
	[MAP_CHARTS] = {"charts", "which endpoint has each place, by weight or by hash",
			sizeof(struct chart), SHUNT_MAX_CHART_BLOCKS},
	[MAP_ENDPOINTS] = {"endpoints", "address and port of a server", sizeof(struct endpoint),
			   SHUNT_MAX_ENDPOINTS},
	[MAP_CLUSTER_STATE] = {"cluster_state", "live counts of a host, port and subset",
			       sizeof(struct cluster_state), SHUNT_MAX_CLUSTER_STATES},
	[MAP_ENDPOINT_STATE] = {"endpoint_state", "live counts of an endpoint",
				sizeof(struct endpoint_state), SHUNT_MAX_ENDPOINT_STATES},
	[MAP_CLUSTER_RULES] = {"cluster_rules", "health rules and time-outs of a cluster_state slot",
			       sizeof(struct cluster_rules), SHUNT_MAX_CLUSTER_STATES},
	[MAP_TRAFFIC] = {"traffic", "what went through the connections of a cluster_state slot",
			 sizeof(struct traffic), SHUNT_MAX_CLUSTER_STATES},
	[MAP_AFFINITY] = {"affinity", "caller of a destination -> the endpoint that it keeps", 0,
			  SHUNT_MAX_AFFINITY},
	[MAP_CONTROL] = {"control", "layout, plan number, audit epoch", sizeof(struct control), 1},
	[MAP_CLUSTER_NAMES] = {"cluster_names", "host, port and subset of each cluster_state slot",
			       0, SHUNT_MAX_CLUSTER_STATES},
	[MAP_SCOPES] = {"scopes", "network namespace cookie -> its slot in callers", 0,
			SHUNT_MAX_CALLERS},
	[MAP_CALLERS] = {"callers", "network namespace -> its scope, and what that allows",
			 sizeof(struct caller), SHUNT_MAX_CALLERS},
	[MAP_SCOPE_NAMES] = {"scope_names", "which callers each scope stands for", 0,
			     SHUNT_MAX_SCOPES},
	[MAP_FLOWS] = {"flows", "what each steered socket carries (listed by shunt conns)", 0, 0},
	[MAP_UDP_SESSIONS] = {"udp_sessions",
			      "conversations of UDP sockets that are not connected", 0, 0},
	[MAP_LISTENERS] = {"listeners", "network namespace cookie -> the proxy's ports there", 0,
			   SHUNT_MAX_LISTENERS},
	[MAP_PROXY_ALIVE] = {"proxy_alive", "a socket that is gone when the proxy is", 0, 1},
	[MAP_HEARTBEAT] = {"heartbeat", "when the proxy last turned", sizeof(uint64_t), 1},
	[MAP_REQUESTS] = {"requests", "what came of the proxy's requests, by rule and destination",
			  sizeof(struct requests), SHUNT_MAX_REQUESTS},
	[MAP_REQUESTS_NAMES] = {"requests_names", "rule and destination of each slot of requests", 0,
				SHUNT_MAX_REQUESTS},
	[MAP_PROXY_TURNS] = {"proxy_turns", "turns given out so far, a split rule of the proxy each",
			     sizeof(struct proxy_turn), SHUNT_MAX_PROXY_TURNS},
	[MAP_TURN_NAMES] = {"turn_names", "rule and split of each slot of proxy_turns", 0,
			    SHUNT_MAX_PROXY_TURNS},
	[MAP_ORIGINALS] = {"originals", "connection to the proxy -> what was dialled", 0,
			   SHUNT_MAX_ORIGINALS},
	[MAP_ORIGINAL_OF] = {"original_of", "the same, of sockets that the proxy accepted", 0, 0},
	[MAP_NODE_DEVICES] = {"node_devices", "device -> addresses it lends to callers from outside", 0,
			      SHUNT_MAX_NODE_DEVICES},
	[MAP_SPLICE_PEERS] = {"splice_peers", "client -> the socket that accepted its connection", 0,
			      SHUNT_MAX_SPLICE_WANTS},
	[MAP_SPLICE_WANTS] = {"splice_wants", "connection to be spliced -> its client", 0,
			      SHUNT_MAX_SPLICE_WANTS},
	[MAP_SPLICE_OF] = {"splice_of", "the peer of each socket that is spliced", 0, 0},
	[MAP_SPLICES] = {"splices", "the sockets that are spliced, by cookie", 0,
			 SHUNT_MAX_SPLICES},
	[MAP_CAPTURED] = {"captured", "device of a captured pod -> its network namespace", 0,
			  SHUNT_MAX_CAPTURED, true},
	[MAP_POD_LISTENERS] = {"pod_listeners", "port -> the proxy's listener for a captured pod", 0,
			       SHUNT_MAX_POD_LISTENERS, true},
	[MAP_CONN_KEYS4] = {"conn_keys4", "IPv4 packet's addresses and ports -> what they become", 0,
			    SHUNT_MAX_CONN_KEYS, true},
	[MAP_CONN_KEYS6] = {"conn_keys6", "the same of IPv6", 0, SHUNT_MAX_CONN_KEYS, true},
	[MAP_CONNS] = {"conns", "connection that is steered packet by packet",
		       sizeof(struct conn), SHUNT_MAX_CONNS, true},
	[MAP_TRACKING] = {"tracking", "how many slots of conns are in use",
			  sizeof(struct tracking), 1, true},
	[MAP_CONNS_FREE] = {"conns_free", "free slots of conns, and since when", 0,
			    SHUNT_MAX_CONNS, true},
	[MAP_CONNS_HALF] = {"conns_half", "connections by packet in the order of their first", 0,
			    SHUNT_MAX_HALF_OPEN, true},
	[MAP_CONNS_CLOSED] = {"conns_closed", "connections by packet in the order of their end", 0,
			      SHUNT_MAX_CONNS, true},
	[MAP_CONNS_SWEEP] = {"conns_sweep", "the timer that gives up connections by packet", 0, 1,
			     true},
	[MAP_FRAGMENTS] = {"fragments", "packet in fragments -> its slot in conns", 0,
			   SHUNT_MAX_FRAGMENTS, true},
	[MAP_COUNTERS] = {"counters", "every way out of the programs, per CPU", 0, 1},
	[MAP_EVENTS] = {"events", "refusals and failures as they happen", 0, SHUNT_EVENTS_BYTES},
};

void pin_path(char *out, size_t size, const char *root, const char *name)
{
	snprintf(out, size, "%s/%s%s%s", BPFFS, root, *name ? "/" : "", name);
}

void maps_close(int fds[NR_MAPS])
{
	for (int i = 0; i < NR_MAPS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

int maps_open(const char *root, int fds[NR_MAPS])
{
	char path[256];

	for (int i = 0; i < NR_MAPS; i++)
		fds[i] = -1;
	for (int i = 0; i < NR_MAPS; i++) {
		pin_path(path, sizeof(path), root, map_infos[i].name);
		fds[i] = bpf_obj_get(path);
		if (fds[i] < 0 && !(map_infos[i].late && errno == ENOENT)) {
			int err = -errno;

			maps_close(fds);
			return err;
		}
	}
	return 0;
}

void maps_open_late(const char *root, int fds[NR_MAPS])
{
	char path[256];

	for (int i = 0; i < NR_MAPS; i++) {
		if (fds[i] >= 0)
			continue;
		pin_path(path, sizeof(path), root, map_infos[i].name);
		fds[i] = bpf_obj_get(path);
	}
}

int maps_reuse(struct bpf_object *object, const int fds[NR_MAPS])
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
		for (int i = 0; i < NR_MAPS; i++)
			if (!strcmp(map_infos[i].name, bpf_map__name(map)) &&
			    bpf_map__reuse_fd(map, fds[i]))
				return -errno;
	return 0;
}

static size_t page_up(size_t bytes)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static size_t mapped_bytes(enum map_id id)
{
	return page_up(map_infos[id].record * map_infos[id].max);
}

int map_reserve(enum map_id id, void **out)
{
	void *p = mmap(NULL, mapped_bytes(id), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	*out = p;
	return 0;
}

/* A page that has records of both sides is mapped once more, as it was. */
int map_extend(int fd, enum map_id id, uint32_t from, uint32_t to, void *records)
{
	size_t page = sysconf(_SC_PAGESIZE), begin = map_infos[id].record * from / page * page;
	size_t end = page_up(map_infos[id].record * to);
	void *p = mmap((char *)records + begin, end - begin, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, fd, (off_t)begin);

	return p == MAP_FAILED ? -errno : 0;
}

int map_mmap(int fd, enum map_id id, int writable, void **out)
{
	int prot = PROT_READ | (writable ? PROT_WRITE : 0);
	void *p = mmap(NULL, mapped_bytes(id), prot, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*out = p;
	return 0;
}

void map_munmap(enum map_id id, void *records)
{
	if (records)
		munmap(records, mapped_bytes(id));
}
