/* SPDX-License-Identifier: GPL-2.0 */
/* Pods whose packets are steered at the host's side of their devices, as no hook sees their sockets. */
#ifndef DATAPATH_CAPTURE_H
#define DATAPATH_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct datapath;

struct capture_device {
	unsigned index;
	uint64_t netns; /* cookie of the pod's network namespace */
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
/* Why no pod is steered by its packets; NULL: nothing is known against it. */
const char *datapath_capture_fault(const struct datapath *dp);

#endif
