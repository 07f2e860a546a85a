/* SPDX-License-Identifier: GPL-2.0 */
/* The pinned maps: their names, where they are, and their records as memory. */
#ifndef DATAPATH_MAPS_H
#define DATAPATH_MAPS_H

#include <stddef.h>
#include <stdint.h>

#define BPFFS "/sys/fs/bpf"

enum map_id {
	MAP_SERVICES,
	MAP_SERVICE_SLOTS,
	MAP_ROUTES,
	MAP_SCHEDULES,
	MAP_TURNS,
	MAP_CLUSTERS,
	MAP_ENDPOINTS,
	MAP_CLUSTER_STATE,
	MAP_ENDPOINT_STATE,
	MAP_CONTROL,
	MAP_CLUSTER_NAMES,
	MAP_SCOPES,
	MAP_CALLERS,
	MAP_SCOPE_NAMES,
	MAP_FLOWS,
	MAP_LISTENERS,
	MAP_PROXY_ALIVE,
	MAP_HEARTBEAT,
	MAP_REQUESTS,
	MAP_REQUESTS_NAMES,
	MAP_PROXY_TURNS,
	MAP_TURN_NAMES,
	MAP_ORIGINALS,
	MAP_ORIGINAL_OF,
	MAP_COUNTERS,
	MAP_EVENTS,
	NR_MAPS
};

struct map_info {
	const char *name;
	const char *holds; /* for people */
	size_t record;	   /* bytes a record, of those that can be mapped; 0: cannot */
	uint32_t max;
};
extern const struct map_info map_infos[NR_MAPS];

/* Opens every pinned map of `root`; -ENOENT when one is missing. All or none stay open. */
int maps_open(const char *root, int fds[NR_MAPS]);
void maps_close(int fds[NR_MAPS]);
/* The records of an array map as shared memory; writable for the agent alone. -errno. */
int map_mmap(int fd, enum map_id id, int writable, void **out);
void map_munmap(enum map_id id, void *records);
/* The path of a pin below root, for maps and links alike. */
void pin_path(char *out, size_t size, const char *root, const char *name);

#endif
