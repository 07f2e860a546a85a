/* SPDX-License-Identifier: GPL-2.0 */
/* Walks over live sockets; private to this folder. */
#ifndef DATAPATH_AUDIT_H
#define DATAPATH_AUDIT_H

struct datapath;

/* Waits until every program that runs now has ended (an RCU grace period). */
void grace_period(void);
void walk_close(struct datapath *dp);

#endif
