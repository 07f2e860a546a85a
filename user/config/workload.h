/* SPDX-License-Identifier: GPL-2.0 */
/* The table of a workload, for WorkloadEntry and the endpoints of a ServiceEntry. */
#ifndef CONFIG_WORKLOAD_H
#define CONFIG_WORKLOAD_H

#include "config/decode.h"

extern const struct message workload; /* into struct workload */

#endif
