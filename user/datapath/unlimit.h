/* SPDX-License-Identifier: GPL-2.0 */
/* Kernel memory that belongs to the node, not to the agent. */
#ifndef DATAPATH_UNLIMIT_H
#define DATAPATH_UNLIMIT_H

/*
 * Moves the calling process to the root of the memory cgroups, as far as it may. What a map needs
 * later, such as a record for each new connection, is charged to the cgroup that made the map:
 * made inside the agent's, a memory limit on the agent would refuse the node's connections, and
 * outlive it. For a child that makes the maps and ends.
 */
void leave_memory_cgroup(void);

#endif
