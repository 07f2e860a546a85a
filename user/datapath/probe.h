/* SPDX-License-Identifier: GPL-2.0 */
/* What this machine can do for us. */
#ifndef DATAPATH_PROBE_H
#define DATAPATH_PROBE_H

#include <stddef.h>
#include <stdint.h>

/* 0, or -errno with one sentence that says what is missing. */
int probe_machine(char **why);
/* Path of the cgroup2 mount, from /proc/self/mountinfo. -ENOENT. */
int probe_cgroup2(char *out, size_t size);
/* The id by which the kernel knows a cgroup directory. */
int cgroup_id(const char *path, uint64_t *out);
/* Whether a socket can be armed in connect() already (6.12 and later), else at its first packet. */
int probe_arm_at_connect(void);

#endif
