/* SPDX-License-Identifier: GPL-2.0 */
/* The pinned links, for those who report on them. */
#ifndef DATAPATH_LOAD_H
#define DATAPATH_LOAD_H

#include <stdint.h>
#include "datapath/objects.h"

#define NR_LINKS 12
enum link_on {
	LINK_ON_CGROUP, /* the callers' */
	LINK_ON_PROXY,	/* the proxy's own */
};
struct link_info {
	const char *name; /* of the pin */
	enum object_id object;
	const char *program;
	enum link_on on;
};
extern const struct link_info link_infos[NR_LINKS];

/* A descriptor of the caller's, or -errno. */
int link_open(const char *root, int which);
/* Id of the cgroup that a link is attached to. */
int link_cgroup(int fd, uint64_t *out);

#endif
