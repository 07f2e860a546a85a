/* SPDX-License-Identifier: GPL-2.0 */
/* Pods whose packets are steered at the host's side of their devices, as no hook sees their sockets. */
#ifndef DATAPATH_CAPTURE_H
#define DATAPATH_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/inet.h"

struct datapath;

/* The network namespace that the devices are in, by its cookie. */
void datapath_host_set(struct datapath *dp, uint64_t netns);

struct capture_device {
	unsigned index;
	uint64_t netns; /* cookie of the pod's network namespace */
	struct inet ipv4, ipv6; /* of the host, where the proxy answers the pod; zeros: none */
};

/*
 * From here on these devices are steered, and no others: one that was keeps its open connections and
 * its programs until the last of them ends. The programs are loaded when they are first needed. What
 * a device refuses is logged and does not keep the others. Milliseconds until it is worth
 * calling again for devices that wait so, -1: none does; -EOPNOTSUPP: the kernel refused the programs.
 */
int datapath_capture(struct datapath *dp, const struct capture_device *list, size_t nr);
/*
 * The sockets of callers in this network namespace are left alone, as their packets are steered; or
 * no longer. -ENOSPC.
 */
int datapath_captured_set(struct datapath *dp, uint64_t netns, bool captured);
bool datapath_captured(struct datapath *dp, uint64_t netns);
/*
 * A listener of the proxy's in the network namespace of the devices, for the packets of a captured pod;
 * forgotten when it is closed. After datapath_capture. -errno
 */
int datapath_pod_listener(struct datapath *dp, int listener, bool ipv6, uint16_t port);
/* Why no pod is steered by its packets; NULL: nothing is known against it. */
const char *datapath_capture_fault(const struct datapath *dp);

#endif
