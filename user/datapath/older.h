/* SPDX-License-Identifier: GPL-2.0 */
/* Sockets that were open before the programs came. */
#ifndef DATAPATH_OLDER_H
#define DATAPATH_OLDER_H

#include <stdbool.h>
#include <stdint.h>

/* TCP sockets open now, in every network namespace that a process lives in; both ends count. */
uint32_t older_sockets(void);

#endif
