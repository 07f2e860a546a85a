/* SPDX-License-Identifier: GPL-2.0 */
/* Ending sockets one by one. */
#ifndef DATAPATH_END_H
#define DATAPATH_END_H

#include <stddef.h>
#include <shunt/drain.h>

/* Through sock_diag, in the network namespace that the calling thread is in: the first error, of
 * those that are not gone. */
int sockets_destroy(const struct leaving *list, size_t nr);

#endif
