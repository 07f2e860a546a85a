/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of a ServiceEntry: its workloads, which may be a WorkloadEntry, and its resolution. */
#ifndef CONFIG_WORKLOAD_H
#define CONFIG_WORKLOAD_H

#include "config/decode.h"

#define ENTRY_PORTS 256 /* of a ServiceEntry */

extern const struct message workload; /* into struct workload */
/* Of one that leaves out its address and gives its network. */
void check_network_alone(struct decoder *d, const struct node *n);

/* What spec.resolution asks of hosts, addresses, ports and endpoints; `entry` is decoded. */
void resolution_check(struct decoder *d, const struct node *spec,
		      const struct service_entry *entry);

#endif
