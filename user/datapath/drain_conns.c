/* SPDX-License-Identifier: GPL-2.0 */
/* Counts and ends connections by packet: what drain.c does with those of sockets, in its maps. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "datapath/conns.h"
#include "datapath/kernel.h"
#include "drain.skel.h"
#include "drain_conns.skel.h"

void drain_conns_close(struct datapath *dp)
{
	drain_conns_bpf__destroy(dp->drain_conns);
	dp->drain_conns = NULL;
}

static int reuse(const struct bpf_map *map, const struct bpf_map *of)
{
	return bpf_map__reuse_fd((struct bpf_map *)map, bpf_map__fd(of)) ? -errno : 0;
}

static int load(struct datapath *dp)
{
	struct drain_conns_bpf *o = dp->drain_conns = drain_conns_bpf__open();
	int err = o ? maps_reuse(o->obj, dp->fds) : -errno;

	if (!err)
		err = reuse(o->maps.watched, dp->drain->maps.watched);
	if (!err)
		err = reuse(o->maps.tallies, dp->drain->maps.tallies);
	if (!err)
		err = reuse(o->maps.orders, dp->drain->maps.orders);
	return err ? err : drain_conns_bpf__load(o);
}

/* False: there are none. Those of sockets do not wait for what cannot be loaded. */
static bool are_there(struct datapath *dp)
{
	int err;

	if (!dp->conns || dp->drain_conns || dp->drain_conns_failed)
		return dp->drain_conns != NULL;
	err = load(dp);
	if (!err)
		return true;
	log_error("the walk that ends connections by packet does not load: %s", strerror(-err));
	drain_conns_close(dp);
	dp->drain_conns_failed = true;
	return false;
}

/* A frame that the kernel wants for a run, of no protocol; nobody reads it. Some refuse an empty one. */
static const uint8_t frame[64];

/* Goes over the slots that have ever been in use. */
static int run(struct datapath *dp, const struct bpf_program *program, char **why)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));
	volatile uint32_t *next = &dp->drain_conns->bss->next;
	uint32_t end = conns_slots(dp);
	int err = 0;

	for (*next = 0; *next < end && (!err || err == -EINTR);) {
		opts.repeat = (int)((end - *next + DRAIN_SLOTS - 1) / DRAIN_SLOTS);
		err = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);
	}
	if (!err || err == -EINTR)
		return 0;
	*why = xasprintf("the walk over connections by packet failed: %s", strerror(-err));
	return err;
}

int drain_conns_tally(struct datapath *dp, char **why)
{
	if (!are_there(dp))
		return 0;
	dp->drain_conns->bss->watch_all = dp->drain->bss->watch_all;
	return run(dp, dp->drain_conns->progs.tally_conns, why);
}

int drain_conns_surplus(struct datapath *dp, char **why)
{
	return are_there(dp) ? run(dp, dp->drain_conns->progs.end_surplus_conns, why) : 0;
}

int drain_conns_expired(struct datapath *dp, char **why)
{
	return are_there(dp) ? run(dp, dp->drain_conns->progs.end_expired_conns, why) : 0;
}
