/* SPDX-License-Identifier: GPL-2.0 */
/* The programs for callers from outside on the node's devices: attached, adopted, replaced. */
#include "datapath/outside.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <shunt/node.h>
#include "base/log.h"
#include "datapath/conns.h"
#include "datapath/kernel.h"
#include "datapath/objects.h"
#include "datapath/tc_hook.h"

/* Pins; a _ and the number of the device follow. */
#define PIN_XDP "link_node_xdp"
#define PIN_IN "link_node_in"
#define PIN_OUT "link_node_out"

const char *const outside_hook_names[] = {
	[OUTSIDE_OFF] = "off",	       [OUTSIDE_AUTO] = "auto", [OUTSIDE_NATIVE] = "native",
	[OUTSIDE_GENERIC] = "generic", [OUTSIDE_TC] = "tc",
};

bool outside_hook_find(const char *name, enum outside_hook *out)
{
	for (size_t i = 0; i < sizeof(outside_hook_names) / sizeof(outside_hook_names[0]); i++)
		if (!strcmp(outside_hook_names[i], name)) {
			*out = (enum outside_hook)i;
			return true;
		}
	return false;
}

static void xdp_path(const struct datapath *dp, unsigned device, char out[256])
{
	char name[64];

	snprintf(name, sizeof(name), PIN_XDP "_%u", device);
	pin_path(out, 256, dp->root, name);
}

static int program_of(const struct datapath *dp, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(dp->outside, name));
}

/* ---- XDP ---- */

/*
 * Another namespace's packets on this machine come with half of a checksum, which XDP cannot see and
 * would spoil when it changes an address.
 */
static bool has_halves(const char *device)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq request = {.ifr_data = (void *)&info};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	found = fd != -1 && !ioctl(fd, SIOCETHTOOL, &request) &&
		(!strcmp(info.driver, "veth") || !strcmp(info.driver, "tun"));
	if (fd != -1)
		close(fd);
	return found;
}

/* A link that is there with the mode that is wanted gets the program; -ENOENT: there is none such. */
static int xdp_adopt(const char *path, unsigned device, enum outside_hook hook, int program)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, now);
	uint8_t mode = hook == OUTSIDE_NATIVE ? XDP_ATTACHED_DRV : XDP_ATTACHED_SKB;
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);
	int err = 0, fd = bpf_obj_get(path);

	if (fd < 0)
		return -ENOENT;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) || info.xdp.ifindex != device ||
	    bpf_xdp_query((int)device, 0, &now) || now.attach_mode != mode)
		err = -ENOENT;
	else if (bpf_link_update(fd, program, NULL))
		err = -errno;
	if (err) {
		bpf_link_detach(fd); /* now; it would be a little after the last one lets go */
		unlink(path);
	}
	close(fd);
	return err;
}

static int xdp_attach(struct datapath *dp, unsigned device, enum outside_hook hook)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = hook == OUTSIDE_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	int err, fd, program = program_of(dp, "outside_xdp");
	char path[256];

	xdp_path(dp, device, path);
	err = xdp_adopt(path, device, hook, program);
	if (err != -ENOENT)
		return err;
	fd = bpf_link_create(program, (int)device, BPF_XDP, &opts);
	if (fd < 0)
		return -errno;
	err = bpf_obj_pin(fd, path) ? -errno : 0;
	close(fd);
	return err;
}

static void xdp_detach(struct datapath *dp, unsigned device)
{
	char path[256];
	int fd;

	xdp_path(dp, device, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return;
	bpf_link_detach(fd);
	close(fd);
	unlink(path);
}

/* The first hook of packets that come in; NULL, or why it is another one than was wanted. */
static const char *hook_put(struct datapath *dp, struct outside_device *d, enum outside_hook wanted)
{
	const char *why = "";
	int err;

	d->hook = OUTSIDE_TC;
	if (wanted == OUTSIDE_AUTO && has_halves(d->name))
		why = "its packets may come without checksums";
	else if (wanted != OUTSIDE_TC) {
		d->hook = wanted == OUTSIDE_GENERIC ? wanted : OUTSIDE_NATIVE;
		err = xdp_attach(dp, d->index, d->hook);
		if (!err)
			return "";
		d->hook = OUTSIDE_TC;
		why = err == -EBUSY ? "another program has its XDP hook" : "its driver does no XDP";
		log_debug("XDP on %s: %s", d->name, strerror(-err));
	}
	xdp_detach(dp, d->index);
	return why;
}

/* ---- devices ---- */

static int lend(struct datapath *dp, const struct outside_device *d)
{
	const struct node_device_key key = {32, d->index};
	struct node_device value = {0};

	if (d->has_ipv4)
		memcpy(value.ipv4, d->ipv4.byte + 12, 4);
	if (d->has_ipv6)
		memcpy(value.ipv6, d->ipv6.byte, 16);
	memcpy(value.link, d->link, sizeof(value.link));
	return bpf_map_update_elem(dp->fds[MAP_NODE_DEVICES], &key, &value, BPF_ANY) ? -errno : 0;
}

static void device_put(struct datapath *dp, struct outside_device *d, enum outside_hook wanted)
{
	const char *why;
	int err = lend(dp, d);

	/* Answers first: whoever is let in finds them. */
	if (!err)
		err = tc_hook_put(dp->root, PIN_OUT, d->index, TC_OUT, program_of(dp, "outside_out"));
	if (!err)
		err = tc_hook_put(dp->root, PIN_IN, d->index, TC_IN, program_of(dp, "outside_in"));
	if (err) {
		if (d->hook != OUTSIDE_OFF || !*d->because)
			log_error("callers from outside are not steered at %s: %s", d->name,
				  strerror(-err));
		d->hook = OUTSIDE_OFF;
		d->because = "the kernel refused the programs";
		return;
	}
	why = hook_put(dp, d, wanted);
	if (*why && !*d->because)
		log_info("%s: tc steers callers from outside, not XDP: %s", d->name, why);
	d->because = why;
}

static bool has_device(const struct outside_devices *devices, unsigned index)
{
	for (size_t i = 0; i < devices->list.nr; i++)
		if (devices->list.at[i].index == index)
			return true;
	return false;
}

/* Takes away what is at devices that are not callers' any more, whoever put it there. */
static void devices_sweep(struct datapath *dp, const struct outside_devices *devices)
{
	struct node_device_key key, next, *previous = NULL;

	while (!bpf_map_get_next_key(dp->fds[MAP_NODE_DEVICES], previous, &next)) {
		key = next;
		if (has_device(devices, key.index)) {
			previous = &key;
			continue;
		}
		xdp_detach(dp, key.index);
		tc_hook_remove(dp->root, PIN_IN, key.index, TC_IN);
		tc_hook_remove(dp->root, PIN_OUT, key.index, TC_OUT);
		bpf_map_delete_elem(dp->fds[MAP_NODE_DEVICES], &key);
		previous = NULL;
	}
}

/* What a packet needs while it passes is the programs' own. */
static int load_object(struct datapath *dp, char **why)
{
	struct bpf_object *object = object_open(OBJECT_XDP, dp->root, why);
	int err;

	if (!object)
		return -EOPNOTSUPP;
	bpf_map__set_pin_path(bpf_object__find_map_by_name(object, "passings"), NULL);
	err = object_load_opened(object, dp->root, why);
	if (err)
		bpf_object__close(object);
	else
		dp->outside = object;
	maps_open_late(dp->root, dp->fds);
	return err ? err : conns_open(dp);
}

static int load(struct datapath *dp)
{
	char *why = NULL;
	int err;

	if (dp->outside)
		return 0;
	if (dp->outside_failed)
		return -EOPNOTSUPP;
	err = load_object(dp, &why);
	if (err) {
		log_error("callers from outside are not steered: %s", why);
		dp->outside_failed = true;
	}
	free(why);
	return err;
}

void datapath_outside(struct datapath *dp, struct outside_devices *devices,
		      enum outside_hook wanted)
{
	struct outside_device *d;

	if (load(dp))
		return;
	devices_sweep(dp, devices);
	vec_each(&devices->list, d)
		device_put(dp, d, wanted);
}

void datapath_outside_off(struct datapath *dp)
{
	const struct outside_devices none = {0};

	devices_sweep(dp, &none);
}

bool datapath_outside_wanted(const struct datapath *dp)
{
	struct node_device_key key;

	return dp->outside_keys || !bpf_map_get_next_key(dp->fds[MAP_NODE_DEVICES], NULL, &key);
}

void datapath_node_addresses(struct datapath *dp, const struct inet *addresses, size_t nr)
{
	bool same = nr == dp->node_addresses.nr;

	for (size_t i = 0; i < nr && same; i++)
		same = inet_equal(&addresses[i], &dp->node_addresses.at[i]);
	if (same)
		return;
	dp->node_addresses.nr = 0;
	for (size_t i = 0; i < nr; i++)
		vec_push(&dp->node_addresses, addresses[i]);
	dp->node_moved = true;
	datapath_caller_addresses(dp, dp->host_netns, addresses, nr);
}
