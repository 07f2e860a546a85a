/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel counted, for status, metrics and people. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "datapath/kernel.h"
#include "datapath/load.h"
#include "datapath/probe.h"
#include "datapath/proxy.h"
#include <shunt/proxy.h>

int datapath_counters(struct datapath *dp, struct counters *out)
{
	int cpus = libbpf_num_possible_cpus();
	struct counters *each;
	__u32 zero = 0;
	int err;

	memset(out, 0, sizeof(*out));
	if (cpus < 0)
		return cpus;
	each = xcalloc(cpus, sizeof(*each));
	err = bpf_map_lookup_elem(dp->fds[MAP_COUNTERS], &zero, each) ? -errno : 0;
	for (int i = 0; !err && i < cpus; i++) {
#define X(name, text) out->name += each[i].name;
		SHUNT_COUNTERS(X)
#undef X
	}
	free(each);
	return err;
}

/* The folder below the cgroup2 mount that has this id; only the first levels are searched. */
static bool find_cgroup(const char *dir, uint64_t id, int depth, char *out, size_t size)
{
	uint64_t at;
	struct dirent *e;
	bool found = false;
	DIR *d;

	if (!cgroup_id(dir, &at) && at == id) {
		snprintf(out, size, "%s", dir);
		return true;
	}
	d = depth ? opendir(dir) : NULL;
	while (d && !found && (e = readdir(d))) {
		char path[1024];

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		found = find_cgroup(path, id, depth - 1, out, size);
	}
	if (d)
		closedir(d);
	return found;
}

int datapath_status(struct datapath *dp, struct datapath_status *out)
{
	uint64_t id = 0, at;
	struct utsname u;
	char mount[512];
	size_t notes = 0;

	memset(out, 0, sizeof(*out));
	out->plan = dp->control->plan;
	out->layout = dp->control->layout;
	out->leaked = dp->control->leaked;
	out->audits = dp->control->audits;
	out->older = dp->control->older;
	for (int i = 0; i < NR_LINKS; i++) {
		int fd = link_open(dp->root, i);

		if (fd < 0)
			continue;
		out->nr_programs++;
		if (i >= LINKS_ON_PROXY && !link_cgroup(fd, &at))
			id = at;
		close(fd);
	}
	if (id && !probe_cgroup2(mount, sizeof(mount)))
		find_cgroup(mount, id, 4, out->cgroup, sizeof(out->cgroup));
	if (!uname(&u))
		snprintf(out->kernel, sizeof(out->kernel), "%s", u.release);
	if (out->nr_programs < NR_LINKS)
		out->notes[notes++] = "off: some programs are not attached (run shunt load)";
	if (!probe_arm_at_connect())
		out->notes[notes++] = "off: a connection that fails before its first packet returns "
				      "its reservation when it is closed, because sockets cannot be "
				      "armed in connect() before kernel 6.12";
	if (dp->requests_short)
		out->notes[notes++] = "full: the map requests had no room for some rules, which "
				      "count as \"other\" until they change";
	if (dp->proxy_turns_short)
		out->notes[notes++] = "full: the map proxy_turns had no room for some splits, which "
				      "begin anew with each proxy process until they change";
	return 0;
}

static void read_cluster(const struct cluster_state *s, struct cluster_reading *out)
{
	out->active = active_count(__atomic_load_n(&s->active, __ATOMIC_RELAXED));
	out->opened = s->opened;
	out->connected = s->connected;
	out->refused_limit = s->refused_limit;
	out->refused_no_endpoint = s->refused_no_endpoint;
	out->connect_failed = s->connect_failed;
}

int datapath_cluster_each(struct datapath *dp,
			  void (*each)(const struct cluster_reading *r, void *arg), void *arg)
{
	uint32_t slot, next, *previous = NULL;

	while (!bpf_map_get_next_key(dp->fds[MAP_CLUSTER_NAMES], previous, &next)) {
		struct cluster_reading r = {.slot = next};

		slot = next;
		previous = &slot;
		if (slot >= SHUNT_MAX_CLUSTER_STATES ||
		    bpf_map_lookup_elem(dp->fds[MAP_CLUSTER_NAMES], &slot, &r.name))
			continue;
		read_cluster(&dp->cluster_state[slot], &r);
		each(&r, arg);
	}
	return 0;
}

int datapath_cluster_find(struct datapath *dp, const char *host, uint16_t port, const char *subset,
			  struct cluster_reading *out)
{
	struct cluster_ref *c = cluster_ref_find(dp, host, port, subset);

	if (!c)
		return -ENOENT;
	memset(out, 0, sizeof(*out));
	snprintf(out->name.host, sizeof(out->name.host), "%s", host);
	snprintf(out->name.subset, sizeof(out->name.subset), "%s", subset);
	out->name.port = port;
	out->name.generation = c->generation;
	out->slot = c->slot;
	read_cluster(&dp->cluster_state[c->slot], out);
	return 0;
}

int datapath_endpoint_find(struct datapath *dp, const struct plan_cluster *cluster,
			   const struct plan_endpoint *endpoint, struct endpoint_reading *out)
{
	struct cluster_ref *c = cluster_ref_find(dp, cluster->host, cluster->port, cluster->subset);
	struct endpoint_state *s;
	struct endpoint_ref *r;
	struct endpoint key;

	if (!c)
		return -ENOENT;
	encode_endpoint(endpoint, &key);
	r = endpoint_ref_find(dp, &key, c->slot);
	if (!r)
		return -ENOENT;
	s = &dp->endpoint_state[r->slot];
	out->active = active_count(__atomic_load_n(&s->active, __ATOMIC_RELAXED));
	out->opened = s->opened;
	out->connect_failed = s->connect_failed;
	return 0;
}

static void count_flow(const struct flow *flow, void *arg)
{
	(void)flow;
	(void)arg;
}

static uint64_t count_flows(struct datapath *dp)
{
	uint64_t total = 0;
	char *why = NULL;

	datapath_flow_each(dp, 0, count_flow, NULL, &total, &why);
	free(why);
	return total;
}

static uint64_t count_keys(int map)
{
	unsigned char key[2][sizeof(struct original_key)];
	uint64_t n = 0;

	while (!bpf_map_get_next_key(map, n ? key[n % 2] : NULL, key[(n + 1) % 2]))
		n++;
	return n;
}

static uint64_t in_use(const struct slots *s)
{
	return s->nr_used - s->nr_resting;
}

static uint64_t map_used(struct datapath *dp, enum map_id id)
{
	switch (id) {
	case MAP_SERVICES:
	case MAP_SERVICE_SLOTS:
		return in_use(&dp->service_slots);
	case MAP_ROUTES:
		return in_use(&dp->route_slots);
	case MAP_SCHEDULES:
		return in_use(&dp->schedule_slots);
	case MAP_TURNS:
		return in_use(&dp->turn_slots);
	case MAP_CLUSTERS:
		return in_use(&dp->cluster_slots);
	case MAP_ENDPOINTS:
		return in_use(&dp->endpoint_slots);
	case MAP_CLUSTER_STATE:
	case MAP_CLUSTER_NAMES:
		return in_use(&dp->cluster_state_slots);
	case MAP_ENDPOINT_STATE:
		return in_use(&dp->endpoint_state_slots);
	case MAP_SCOPES:
	case MAP_CALLERS:
		return in_use(&dp->caller_slots);
	case MAP_REQUESTS:
		return in_use(&dp->requests_slots);
	case MAP_REQUESTS_NAMES:
		return dp->requests_refs.nr;
	case MAP_PROXY_TURNS:
	case MAP_TURN_NAMES:
		return dp->turn_refs.nr;
	case MAP_SCOPE_NAMES:
		return dp->scope_refs.nr;
	case MAP_FLOWS:
		return count_flows(dp);
	case MAP_LISTENERS:
	case MAP_ORIGINALS:
		return count_keys(dp->fds[id]);
	case MAP_PROXY_ALIVE:
		return proxy_is_alive(dp);
	case MAP_ORIGINAL_OF: /* of the proxy's sockets: nobody walks them */
	case MAP_EVENTS: /* the agent reads them as they come */
		return 0;
	default:
		return 1;
	}
}

int datapath_map_each(struct datapath *dp, void (*each)(const struct map_reading *r, void *arg),
		      void *arg)
{
	for (int i = 0; i < NR_MAPS; i++) {
		char path[256], dump[320];
		struct map_reading r = {.name = map_infos[i].name, .holds = map_infos[i].holds,
					.max = map_infos[i].max, .path = path, .dump = dump};

		pin_path(path, sizeof(path), dp->root, map_infos[i].name);
		snprintf(dump, sizeof(dump), "bpftool map dump pinned %s", path);
		if (i == MAP_FLOWS)
			snprintf(dump, sizeof(dump), "shunt conns --root %s", dp->root);
		if (i == MAP_ORIGINAL_OF)
			snprintf(dump, sizeof(dump), "shunt status --root %s", dp->root);
		if (i == MAP_EVENTS)
			snprintf(dump, sizeof(dump), "shunt events --root %s", dp->root);
		r.used = map_used(dp, i);
		each(&r, arg);
	}
	return 0;
}

static int on_event(void *ctx, void *data, size_t size)
{
	struct event_sink *sink = ctx;

	if (size >= sizeof(struct event) && sink->each)
		sink->each(data, sink->arg);
	return 0;
}

int datapath_events_fd(struct datapath *dp)
{
	if (!dp->ring)
		dp->ring = ring_buffer__new(dp->fds[MAP_EVENTS], on_event, &dp->sink, NULL);
	return dp->ring ? ring_buffer__epoll_fd(dp->ring) : -errno;
}

int datapath_events(struct datapath *dp, void (*each)(const struct event *e, void *arg), void *arg)
{
	dp->sink = (struct event_sink){each, arg};
	return ring_buffer__consume(dp->ring);
}
