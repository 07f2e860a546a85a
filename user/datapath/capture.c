/* SPDX-License-Identifier: GPL-2.0 */
/* The programs on the devices of captured pods: attached, adopted, replaced, taken away. */
#include "datapath/capture.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include "base/log.h"
#include "datapath/conns.h"
#include "datapath/kernel.h"
#include "datapath/objects.h"
#include "datapath/tc_hook.h"

#define FROM "link_pod_from"
#define TO "link_pod_to"
#define LATER_MS 1000

/* What a packet needs while it passes is the programs' own. */
static int load(struct datapath *dp, char **why)
{
	struct bpf_object *object = object_open(OBJECT_TC, dp->root, why);
	int err;

	if (!object)
		return -EOPNOTSUPP;
	bpf_map__set_pin_path(bpf_object__find_map_by_name(object, "steerings"), NULL);
	err = object_load_opened(object, dp->root, why);
	if (err) {
		bpf_object__close(object);
		return err;
	}
	dp->capture = object;
	maps_open_late(dp->root, dp->fds);
	return conns_open(dp);
}

static int need_programs(struct datapath *dp)
{
	char *why = NULL;
	int err;

	if (dp->capture)
		return 0;
	if (dp->capture_fault)
		return -EOPNOTSUPP;
	err = load(dp, &why);
	if (err) {
		dp->capture_fault = why ? why : xstrdup(strerror(-err));
		log_error("no pod is steered by its packets: %s", dp->capture_fault);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int program_of(const struct datapath *dp, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(dp->capture, name));
}

/* Answers first: whoever is steered finds them. */
static void device_put(struct datapath *dp, const struct capture_device *d)
{
	__u32 index = d->index;
	__u64 netns = d->netns, now = 0;
	int err;

	if (dp->captured_by == dp->capture &&
	    !bpf_map_lookup_elem(dp->fds[MAP_CAPTURED], &index, &now) && now == netns)
		return;
	err = tc_hook_put(dp->root, TO, d->index, TC_OUT, program_of(dp, "to_pod"));
	if (!err)
		err = tc_hook_put(dp->root, FROM, d->index, TC_IN, program_of(dp, "from_pod"));
	if (!err && now != netns && bpf_map_update_elem(dp->fds[MAP_CAPTURED], &index, &netns, 0))
		err = -errno;
	if (err && err != -ENODEV)
		log_error("device %u is not steered by its packets: %s", d->index, strerror(-err));
}

static bool wanted(const struct capture_device *list, size_t nr, __u32 index)
{
	for (size_t i = 0; i < nr; i++)
		if (list[i].index == index)
			return true;
	return false;
}

/* True: it has open connections, which go on; new ones are not steered. */
static bool device_drop(struct datapath *dp, __u32 index)
{
	char name[IF_NAMESIZE];
	__u64 nobody = 0;

	if (!if_indextoname(index, name))
		conns_abandon(dp, index);
	else if (!bpf_map_update_elem(dp->fds[MAP_CAPTURED], &index, &nobody, BPF_EXIST) &&
		 conns_of_zone(dp, index))
		return true;
	tc_hook_remove(dp->root, FROM, index, TC_IN);
	tc_hook_remove(dp->root, TO, index, TC_OUT);
	bpf_map_delete_elem(dp->fds[MAP_CAPTURED], &index);
	return false;
}

int datapath_capture(struct datapath *dp, const struct capture_device *list, size_t nr)
{
	__u32 key, next, *previous = NULL;
	bool waits = false;

	if (nr && need_programs(dp))
		return -EOPNOTSUPP;
	if (dp->fds[MAP_CAPTURED] < 0)
		return -1;
	while (!bpf_map_get_next_key(dp->fds[MAP_CAPTURED], previous, &next)) {
		key = next;
		if (wanted(list, nr, key) || device_drop(dp, key)) {
			waits = waits || !wanted(list, nr, key);
			previous = &key;
		} else {
			previous = NULL;
		}
	}
	for (size_t i = 0; i < nr; i++)
		device_put(dp, &list[i]);
	dp->captured_by = dp->capture;
	return waits ? LATER_MS : -1;
}

const char *datapath_capture_fault(const struct datapath *dp)
{
	return dp->capture_fault;
}
