/* SPDX-License-Identifier: GPL-2.0 */
/* Counts and turns that outlive this process: maps of the agent, which all proxies add to. */
#ifndef PROXY_SHARED_H
#define PROXY_SHARED_H

#include "proxy/snapshot.h"

/* From now on the records are those of the map `fd`; before the first table. 0 or -errno. */
int shared_requests(struct lasting *all, int fd);
int shared_turns(struct lasting *all, int fd);

/*
 * A memfd that says which slots the tables name that are in use: a bit for each record of
 * `requests`, then one for each of `proxy_turns`. The caller closes it; -errno.
 */
int shared_slots_memfd(const struct lasting *all);

#endif
