/* SPDX-License-Identifier: GPL-2.0 */
/* The pinned links, for those who report on them. */
#ifndef DATAPATH_LOAD_H
#define DATAPATH_LOAD_H

#include <stdint.h>

#define NR_LINKS 8
#define LINKS_ON_PROXY 2 /* the first ones are on the cgroup of the proxy, the others on the callers' */
extern const char *const link_names[NR_LINKS];

/* A descriptor of the caller's, or -errno. */
int link_open(const char *root, int which);
/* Id of the cgroup that a link is attached to. */
int link_cgroup(int fd, uint64_t *out);

#endif
