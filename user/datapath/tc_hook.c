/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs on a device's packets. A filter of tc has no pin of its own, so the program is pinned beside
 * it under a name that says where it is; another pin says that the queueing discipline is ours.
 */
#include "datapath/tc_hook.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "datapath/maps.h"

#define FILTER "filter_" /* followed by the name, _, 0 or 1 for the way, _, and the device */
#define QDISC "qdisc_"	 /* followed by the device */
/* enum bpf_attach_type of 6.6 */
#define TCX_INGRESS 46
#define TCX_EGRESS 47

static void link_path(const char *root, const char *name, unsigned device, char out[256])
{
	char pin[96];

	snprintf(pin, sizeof(pin), "%s_%u", name, device);
	pin_path(out, 256, root, pin);
}

static void filter_path(const char *root, const char *name, unsigned device, enum tc_way way,
			char out[256])
{
	char pin[96];

	snprintf(pin, sizeof(pin), FILTER "%s_%d_%u", name, way == TC_OUT, device);
	pin_path(out, 256, root, pin);
}

static void qdisc_path(const char *root, unsigned device, char out[256])
{
	char pin[96];

	snprintf(pin, sizeof(pin), QDISC "%u", device);
	pin_path(out, 256, root, pin);
}

/* Of several roots on one device each has a place of its own. */
static __u32 priority_of(const char *root, const char *name)
{
	__u32 h = 2166136261u;

	for (const char *at = root; *at; at++)
		h = (h ^ (unsigned char)*at) * 16777619u;
	for (const char *at = name; *at; at++)
		h = (h ^ (unsigned char)*at) * 16777619u;
	return 1 + (h ^ h >> 16) % 0xbfff; /* beyond those that the kernel gives out */
}

static struct bpf_tc_hook hook_of(unsigned device, enum tc_way way)
{
	return (struct bpf_tc_hook){.sz = sizeof(struct bpf_tc_hook),
				    .ifindex = (int)device,
				    .attach_point = way == TC_OUT ? BPF_TC_EGRESS : BPF_TC_INGRESS};
}

static int filter_put(const char *root, const char *name, unsigned device, enum tc_way way,
		      int program)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = priority_of(root, name),
		    .prog_fd = program, .flags = BPF_TC_F_REPLACE);
	struct bpf_tc_hook hook = hook_of(device, way);
	int err = bpf_tc_hook_create(&hook);
	char path[256];

	if (!err) {
		qdisc_path(root, device, path);
		bpf_obj_pin(program, path);
	} else if (err != -EEXIST) {
		return err;
	}
	filter_path(root, name, device, way, path);
	unlink(path);
	if (bpf_obj_pin(program, path))
		return -errno;
	err = bpf_tc_attach(&hook, &opts);
	if (err)
		unlink(path);
	return err;
}

static void filter_remove(const char *root, const char *name, unsigned device, enum tc_way way)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = priority_of(root, name));
	struct bpf_tc_hook hook = hook_of(device, way);
	char path[256];

	filter_path(root, name, device, way, path);
	if (!unlink(path))
		bpf_tc_detach(&hook, &opts);
}

/* Puts the program into the link that is there; -ENOENT: there is none on this device. */
static int link_adopt(const char *path, int program)
{
	int err = 0, fd = bpf_obj_get(path);

	if (fd < 0)
		return -ENOENT;
	if (bpf_link_update(fd, program, NULL))
		err = errno == ENOLINK ? -ENOENT : -errno; /* the device that had it is gone */
	close(fd);
	if (err == -ENOENT)
		unlink(path);
	return err;
}

int hook_link(const char *path, int target, int type, int program)
{
	int fd, err = link_adopt(path, program);

	if (err != -ENOENT)
		return err;
	fd = bpf_link_create(program, target, (enum bpf_attach_type)type, NULL);
	if (fd < 0)
		return -errno;
	err = bpf_obj_pin(fd, path) ? -errno : 0;
	close(fd);
	return err;
}

int tc_hook_put(const char *root, const char *name, unsigned device, enum tc_way way, int program)
{
	char path[256];
	int err;

	link_path(root, name, device, path);
	err = hook_link(path, (int)device, way == TC_OUT ? TCX_EGRESS : TCX_INGRESS, program);
	return err == -EINVAL ? filter_put(root, name, device, way, program) : err;
}

void tc_hook_remove(const char *root, const char *name, unsigned device, enum tc_way way)
{
	char path[256];

	link_path(root, name, device, path);
	unlink(path);
	filter_remove(root, name, device, way);
}

/* Whose ever they are; true also when the kernel does not say. */
static bool has_filters(unsigned device, enum tc_way way)
{
	const struct {
		struct nlmsghdr head;
		struct tcmsg of;
	} request = {
		.head = {sizeof(request), RTM_GETTFILTER, NLM_F_REQUEST | NLM_F_DUMP, 1, 0},
		.of.tcm_ifindex = (int)device,
		.of.tcm_parent = TC_H_MAKE(TC_H_CLSACT,
					   way == TC_OUT ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS),
	};
	union {
		struct nlmsghdr head;
		char bytes[16384];
	} reply;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool any = fd == -1 || send(fd, &request, sizeof(request), 0) != sizeof(request) ||
		   recv(fd, &reply, sizeof(reply), 0) < (ssize_t)sizeof(reply.head) ||
		   (reply.head.nlmsg_type != NLMSG_DONE && reply.head.nlmsg_type != NLMSG_ERROR);

	if (fd != -1)
		close(fd);
	return any;
}

/* Others may have put filters there meanwhile, which would go with it. */
static void qdisc_remove(const char *root, unsigned device)
{
	struct bpf_tc_hook hook = hook_of(device, TC_IN);
	char path[256];

	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	qdisc_path(root, device, path);
	if (!unlink(path) && !has_filters(device, TC_IN) && !has_filters(device, TC_OUT))
		bpf_tc_hook_destroy(&hook);
}

/* "NAME_0_7": of the device 7, of what comes in. */
static void filter_unload(const char *root, char *pin)
{
	char *device = strrchr(pin, '_'), *way;

	if (!device)
		return;
	*device++ = '\0';
	way = strrchr(pin, '_');
	if (!way)
		return;
	*way++ = '\0';
	filter_remove(root, pin, (unsigned)strtoul(device, NULL, 10),
		      *way == '1' ? TC_OUT : TC_IN);
}

void tc_hooks_unload(const char *root)
{
	struct dirent *entry;
	char path[256];
	DIR *dir;

	pin_path(path, sizeof(path), root, "");
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, FILTER, strlen(FILTER)))
			filter_unload(root, entry->d_name + strlen(FILTER));
	if (!dir)
		return;
	rewinddir(dir);
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, QDISC, strlen(QDISC)))
			qdisc_remove(root, (unsigned)strtoul(entry->d_name + strlen(QDISC), NULL, 10));
	closedir(dir);
}
