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
		if (link_infos[i].on == LINK_ON_CGROUP && !link_cgroup(fd, &at))
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
	if (!(dp->control->splice & SPLICE_BOUNDED))
		out->notes[notes++] = dp->control->splice & SPLICE_UNTRIED ?
			"off: no connection is spliced, because it could not be tried whether this "
			"kernel bounds what is queued to a reader" :
			"off: no connection is spliced, because this kernel does not bound what is "
			"queued to a reader";
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
	out->ejections = s->ejections;
	out->ejections_refused = s->ejections_refused;
	out->guarded = s->guarded;
	out->guards = s->guards;
}

/* Those whose time is over stay counted in the kernel until somebody connects: they are back. */
static uint32_t count_ejected(struct datapath *dp, const struct cluster_state *s)
{
	uint64_t now = now_ns();
	uint32_t n = 0, at = s->returns ? s->endpoints : 0;

	for (uint32_t i = 0, reach = dp->endpoint_state_slots.reach; at && at <= reach && i < reach;
	     i++) {
		n += dp->endpoint_state[at - 1].ejected_until > now;
		at = dp->endpoint_state[at - 1].next;
	}
	return n;
}

static void read_slot(struct datapath *dp, struct cluster_reading *out)
{
	read_cluster(&dp->cluster_state[out->slot], out);
	out->ejected = count_ejected(dp, &dp->cluster_state[out->slot]);
	out->traffic = dp->traffic[out->slot];
}

int datapath_cluster_name(struct datapath *dp, uint32_t slot, struct cluster_name *out)
{
	return bpf_map_lookup_elem(dp->fds[MAP_CLUSTER_NAMES], &slot, out) ? -errno : 0;
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
		read_slot(dp, &r);
		each(&r, arg);
	}
	return 0;
}

int datapath_cluster_find(struct datapath *dp, const char *host, uint16_t port, uint8_t protocol,
			  const char *subset, struct cluster_reading *out)
{
	struct cluster_ref *c = cluster_ref_find(dp, host, port, protocol, subset);

	if (!c)
		return -ENOENT;
	memset(out, 0, sizeof(*out));
	snprintf(out->name.host, sizeof(out->name.host), "%s", host);
	snprintf(out->name.subset, sizeof(out->name.subset), "%s", subset);
	out->name.port = port;
	out->name.protocol = protocol;
	out->name.generation = c->generation;
	out->slot = c->slot;
	read_slot(dp, out);
	return 0;
}

int datapath_endpoint_find(struct datapath *dp, const struct plan_cluster *cluster,
			   const struct plan_endpoint *endpoint, struct endpoint_reading *out)
{
	struct cluster_ref *c = cluster_ref_find(dp, cluster->host, cluster->port,
						 cluster_protocol(cluster),
						 cluster->subset);
	struct endpoint_state *s;
	struct endpoint_ref *r;

	if (!c)
		return -ENOENT;
	r = endpoint_ref_find(dp, endpoint, c->slot);
	if (!r)
		return -ENOENT;
	s = &dp->endpoint_state[r->slot];
	out->active = active_count(__atomic_load_n(&s->active, __ATOMIC_RELAXED));
	out->opened = s->opened;
	out->connect_failed = s->connect_failed;
	out->failures = s->failures;
	out->ejections = s->ejections;
	out->ejected_until = s->ejected_until > now_ns() ? s->ejected_until : 0;
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
	unsigned char key[2][sizeof(struct splice_key)]; /* the longest of them */
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
	case MAP_POOLS:
		return in_use(&dp->pool_slots);
	case MAP_CHARTS:
		return in_use(&dp->chart_slots);
	case MAP_ENDPOINTS:
		return in_use(&dp->endpoint_slots);
	case MAP_CLUSTER_STATE:
	case MAP_CLUSTER_RULES:
	case MAP_TRAFFIC:
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
	case MAP_SERVICE_SUBNETS:
		return dp->control->subnets;
	case MAP_FLOWS:
		return count_flows(dp);
	case MAP_AFFINITY:
	case MAP_LISTENERS:
	case MAP_ORIGINALS:
	case MAP_SPLICE_PEERS:
	case MAP_SPLICE_WANTS:
	case MAP_SPLICES:
		return count_keys(dp->fds[id]);
	case MAP_PROXY_ALIVE:
		return proxy_is_alive(dp);
	case MAP_CAPTURED:
	case MAP_POD_LISTENERS:
		return count_keys(dp->fds[id]);
	case MAP_CONN_KEYS4:
		return 2 * (dp->tracking->used - dp->tracking->ipv6);
	case MAP_CONN_KEYS6:
		return 2 * dp->tracking->ipv6;
	case MAP_CONNS:
		return dp->tracking->used;
	case MAP_CONNS_FREE:
		return dp->tracking->fresh - dp->tracking->used;
	case MAP_CONNS_HALF:
		return dp->tracking->half;
	case MAP_CONNS_CLOSED: /* a queue cannot be counted, nor what is least recently used */
	case MAP_FRAGMENTS:
	case MAP_UDP_SESSIONS:
	case MAP_SPLICE_OF:
	case MAP_ORIGINAL_OF: /* of sockets, as flows are: nobody walks them */
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

		if (dp->fds[i] < 0)
			continue;
		pin_path(path, sizeof(path), dp->root, map_infos[i].name);
		snprintf(dump, sizeof(dump), "bpftool map dump pinned %s", path);
		if (i == MAP_FLOWS)
			snprintf(dump, sizeof(dump), "shunt conns --root %s", dp->root);
		if (i == MAP_CONNS_FREE || i == MAP_CONNS_HALF || i == MAP_CONNS_CLOSED)
			snprintf(dump, sizeof(dump), "shunt maps --root %s", dp->root); /* queues */
		if (i == MAP_ORIGINAL_OF || i == MAP_SPLICE_OF || i == MAP_UDP_SESSIONS)
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
