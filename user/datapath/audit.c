/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walks over live sockets. The audit moves every live reservation from one epoch's half of the
 * counts to the other's; what is left in the old half belongs to no socket and is returned.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "datapath/conns.h"
#include "datapath/kernel.h"
#include "walk.skel.h"

/* Each walk meets what the one before missed; connections that close meanwhile only help. */
#define AUDIT_WALKS 16

void walk_close(struct datapath *dp)
{
	if (dp->walk)
		walk_bpf__destroy(dp->walk);
	dp->walk = NULL;
}

static int walk_open(struct datapath *dp, char **why)
{
	int err;

	if (dp->walk)
		return 0;
	dp->walk = walk_bpf__open();
	err = dp->walk ? maps_reuse(dp->walk->obj, dp->fds) : -errno;
	if (!err)
		err = walk_bpf__load(dp->walk);
	if (err) {
		*why = xasprintf("the walk over live sockets does not load: %s", strerror(-err));
		walk_close(dp);
	}
	return err;
}

int walk_run(struct datapath *dp, struct bpf_program *program, char **why)
{
	union bpf_iter_link_info info = {.map.map_fd = dp->fds[MAP_FLOWS]};
	DECLARE_LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info,
			    .link_info_len = sizeof(info));
	struct bpf_link *link = bpf_program__attach_iter(program, &opts);
	char buffer[64];
	int err = 0, fd = -1;
	ssize_t n;

	if (link)
		fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		err = -errno;
	while (!err && (n = read(fd, buffer, sizeof(buffer))) != 0)
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			err = -errno;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	if (err)
		*why = xasprintf("the walk over live sockets failed: %s", strerror(-err));
	return err;
}

/* Takes what is left of the old epoch out of one word; returns how much it was. */
static uint64_t sweep(__u64 *active, bool old_is_high)
{
	__u64 word = __atomic_load_n(active, __ATOMIC_RELAXED);
	int32_t left = old_is_high ? active_high(word) : active_low(word);

	if (left)
		__atomic_fetch_sub(active, (uint64_t)left * (old_is_high ? 1ULL << 32 : 1),
				   __ATOMIC_RELAXED);
	return left > 0 ? left : 0;
}

static uint64_t sweep_all(struct datapath *dp, bool old_is_high)
{
	uint64_t leaked = 0;

	for (uint32_t i = 0; i < dp->cluster_state_slots.reach; i++)
		if (dp->cluster_state[i].active)
			leaked += sweep(&dp->cluster_state[i].active, old_is_high);
	for (uint32_t i = 0; i < dp->endpoint_state_slots.reach; i++)
		if (dp->endpoint_state[i].active)
			sweep(&dp->endpoint_state[i].active, old_is_high);
	return leaked;
}

int datapath_audit(struct datapath *dp, uint64_t *leaked, char **why)
{
	bool old_is_high;
	int err;

	*leaked = 0;
	*why = NULL;
	err = walk_open(dp, why);
	if (err)
		return err;
	old_is_high = dp->control->epoch & 1;
	__atomic_store_n(&dp->control->epoch, !old_is_high, __ATOMIC_SEQ_CST);
	grace_period();
	for (int i = 0; i < AUDIT_WALKS; i++) {
		dp->walk->bss->moved = 0;
		err = walk_run(dp, dp->walk->progs.move_epoch, why);
		if (err)
			return err;
		if (!(__atomic_load_n(&dp->walk->bss->moved, __ATOMIC_SEQ_CST) + conns_move(dp)))
			goto settled;
	}
	return 0; /* sockets change faster than they are met: nothing is swept this time */
settled:
	grace_period();
	if ((dp->control->epoch & 1) == old_is_high)
		return 0; /* somebody else moved it: what is left in either half may be alive */
	*leaked = sweep_all(dp, old_is_high);
	dp->control->leaked += *leaked;
	dp->control->audits++;
	return 0;
}

int datapath_flow_each(struct datapath *dp, size_t max,
		       void (*each)(const struct flow *flow, void *arg), void *arg,
		       uint64_t *total, char **why)
{
	uint32_t rows;
	int err;

	*why = NULL;
	*total = 0;
	err = walk_open(dp, why);
	if (err)
		return err;
	dp->walk->bss->seen = 0;
	err = walk_run(dp, dp->walk->progs.list_flows, why);
	if (err)
		return err;
	*total = dp->walk->bss->seen;
	rows = bpf_map__max_entries(dp->walk->maps.rows);
	for (uint32_t i = 0; i < *total && i < max && i < rows; i++) {
		struct flow flow;

		if (bpf_map_lookup_elem(bpf_map__fd(dp->walk->maps.rows), &i, &flow))
			return -errno;
		each(&flow, arg);
	}
	*total += conns_each(dp, *total < max ? max - *total : 0, each, arg);
	return 0;
}
