/* SPDX-License-Identifier: GPL-2.0 */
/* Connections that are steered packet by packet, as the agent sees them: see shunt/track.h. */
#ifndef DATAPATH_CONNS_H
#define DATAPATH_CONNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <shunt/flow.h>

struct datapath;

/* Maps their records, if there are any yet; -errno. */
int conns_open(struct datapath *dp);
void conns_close(struct datapath *dp);
/* Slots that have ever been in use; the others are not looked at, nor their memory touched. */
uint32_t conns_slots(const struct datapath *dp);
/* How many come from this device and are not closed; */
uint64_t conns_of_zone(const struct datapath *dp, uint32_t zone);
/* which is gone: the kernel gives them up at once. */
void conns_abandon(struct datapath *dp, uint32_t zone);
/* Moves reservations to the epoch that `control` names; how many were in the other one. */
uint64_t conns_move(struct datapath *dp);
/* Those that hold a reservation, as the flows of sockets are; how many. More than `max` are only counted. */
uint64_t conns_each(const struct datapath *dp, size_t max,
		    void (*each)(const struct flow *flow, void *arg), void *arg);

#endif
