/* SPDX-License-Identifier: GPL-2.0 */
/* The programs on the devices of captured pods: attached, adopted, replaced, taken away. */
#include "datapath/capture.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "datapath/conns.h"
#include "datapath/kernel.h"
#include "datapath/objects.h"
#include "datapath/tc_hook.h"

#define FROM "link_pod_from"
#define TO "link_pod_to"
#define LOOKUP "link_pod_listener"
#define LATER_MS 1000

void datapath_host_set(struct datapath *dp, uint64_t netns)
{
	__atomic_store_n(&dp->control->host, netns, __ATOMIC_RELAXED);
}

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

/* In the agent's own network namespace, which is that of the devices. */
static int lookup_put(struct datapath *dp)
{
	int err, own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	char path[256];

	if (own == -1)
		return -errno;
	pin_path(path, sizeof(path), dp->root, LOOKUP);
	err = hook_link(path, own, BPF_SK_LOOKUP, program_of(dp, "pod_listener_of"));
	close(own);
	return err;
}

static void lookup_remove(const struct datapath *dp)
{
	char path[256];

	pin_path(path, sizeof(path), dp->root, LOOKUP);
	unlink(path);
}

int datapath_pod_listener(struct datapath *dp, int listener, bool ipv6, uint16_t port)
{
	uint32_t key = port | (ipv6 ? POD_LISTENER_IPV6 : 0);
	uint64_t value = (uint64_t)listener;

	return bpf_map_update_elem(dp->fds[MAP_POD_LISTENERS], &key, &value, BPF_ANY) ? -errno : 0;
}

/* Answers first: whoever is steered finds them. */
static int hook_put(struct datapath *dp, unsigned device)
{
	int err = tc_hook_put(dp->root, TO, device, TC_OUT, program_of(dp, "to_pod"));

	return err ? err : tc_hook_put(dp->root, FROM, device, TC_IN, program_of(dp, "from_pod"));
}

static void device_put(struct datapath *dp, const struct capture_device *d)
{
	struct captured pod = {.netns = d->netns}, now = {0};
	__u32 index = d->index;
	int err = 0;

	memcpy(pod.ipv4, d->ipv4.byte, sizeof(pod.ipv4));
	memcpy(pod.ipv6, d->ipv6.byte, sizeof(pod.ipv6));
	bpf_map_lookup_elem(dp->fds[MAP_CAPTURED], &index, &now);
	if (dp->captured_by != dp->capture || now.netns != pod.netns)
		err = hook_put(dp, index);
	if (!err && memcmp(&now, &pod, sizeof(pod)) &&
	    bpf_map_update_elem(dp->fds[MAP_CAPTURED], &index, &pod, 0))
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
	struct captured nobody = {0};

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
	int err;

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
	err = nr && dp->captured_by != dp->capture ? lookup_put(dp) : 0;
	if (err)
		log_error("captured pods do not reach the proxy: %s", strerror(-err));
	for (size_t i = 0; i < nr; i++)
		device_put(dp, &list[i]);
	dp->captured_by = dp->capture;
	if (!nr && !waits) {
		lookup_remove(dp);
		dp->captured_by = NULL;
	}
	return waits ? LATER_MS : -1;
}

const char *datapath_capture_fault(const struct datapath *dp)
{
	return dp->capture_fault;
}
