/* SPDX-License-Identifier: GPL-2.0 */
/* The pinned maps: their names, where they are, and their records as memory. */
#ifndef DATAPATH_MAPS_H
#define DATAPATH_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPFFS "/sys/fs/bpf"

enum map_id {
	MAP_SERVICES,
	MAP_SERVICE_SUBNETS,
	MAP_SERVICE_SLOTS,
	MAP_ROUTES,
	MAP_SCHEDULES,
	MAP_TURNS,
	MAP_CLUSTERS,
	MAP_POOLS,
	MAP_CHARTS,
	MAP_ENDPOINTS,
	MAP_CLUSTER_STATE,
	MAP_ENDPOINT_STATE,
	MAP_CLUSTER_RULES,
	MAP_TRAFFIC,
	MAP_AFFINITY,
	MAP_CONTROL,
	MAP_CLUSTER_NAMES,
	MAP_SCOPES,
	MAP_CALLERS,
	MAP_SCOPE_NAMES,
	MAP_FLOWS,
	MAP_UDP_SESSIONS,
	MAP_LISTENERS,
	MAP_PROXY_ALIVE,
	MAP_HEARTBEAT,
	MAP_REQUESTS,
	MAP_REQUESTS_NAMES,
	MAP_PROXY_TURNS,
	MAP_TURN_NAMES,
	MAP_ORIGINALS,
	MAP_ORIGINAL_OF,
	MAP_NODE_DEVICES,
	MAP_SPLICE_PEERS,
	MAP_SPLICE_WANTS,
	MAP_SPLICE_OF,
	MAP_SPLICES,
	MAP_CAPTURED,
	MAP_POD_LISTENERS,
	MAP_CONN_KEYS4,
	MAP_CONN_KEYS6,
	MAP_CONNS,
	MAP_TRACKING,
	MAP_CONNS_FREE,
	MAP_CONNS_HALF,
	MAP_CONNS_CLOSED,
	MAP_CONNS_SWEEP,
	MAP_FRAGMENTS,
	MAP_COUNTERS,
	MAP_EVENTS,
	NR_MAPS
};

struct map_info {
	const char *name;
	const char *holds; /* for people */
	size_t record;	   /* bytes a record, of those that can be mapped; 0: cannot */
	uint32_t max;
	bool late; /* made when the programs that need it are first loaded */
};
extern const struct map_info map_infos[NR_MAPS];

/* Opens every pinned map of `root`; -ENOENT when one is missing that is not late: that is -1 then. All
 * or none stay open. */
int maps_open(const char *root, int fds[NR_MAPS]);
/* Those that have been made since. */
void maps_open_late(const char *root, int fds[NR_MAPS]);
void maps_close(int fds[NR_MAPS]);
struct bpf_object;
/* Maps of an object that is opened and whose names are pinned ones' become those. -errno */
int maps_reuse(struct bpf_object *object, const int fds[NR_MAPS]);
/* The records of an array map as shared memory; writable for the agent alone. -errno. */
int map_mmap(int fd, enum map_id id, int writable, void **out);
/*
 * The place for them, of which nothing may be looked at; then records [from, to), to be written,
 * where `records` is that place. The kernel maps at once, page by page, what an agent maps: most of
 * the large maps are never used. map_munmap takes it all back.
 */
int map_reserve(enum map_id id, void **out);
int map_extend(int fd, enum map_id id, uint32_t from, uint32_t to, void *records);
void map_munmap(enum map_id id, void *records);
/* The path of a pin below root, for maps and links alike. */
void pin_path(char *out, size_t size, const char *root, const char *name);

#endif
