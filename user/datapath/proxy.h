/* SPDX-License-Identifier: GPL-2.0 */
/* The cgroup that the L7 proxy lives in; private to this folder. */
#ifndef DATAPATH_PROXY_H
#define DATAPATH_PROXY_H

#include <stdbool.h>
#include <stdint.h>

struct datapath;

/* Makes it below the open folder `cgroup`, or finds it; *fd is the caller's. -errno */
int proxy_cgroup_make(const char *root, int cgroup, int *fd, uint64_t *id, char **why);
/* Ends its processes and removes it; it is no error when there is none. */
void proxy_cgroup_remove(const char *root);
bool proxy_is_alive(struct datapath *dp);

#endif
