/* SPDX-License-Identifier: GPL-2.0 */
/* Joining the local ends of a connection: put in place at load, and taken back. */
#ifndef DATAPATH_SPLICE_H
#define DATAPATH_SPLICE_H

#include <stdint.h>
#include <shunt/splice.h>

/* Loads the program of sk_msg and attaches it to the pinned map; *mode is what control.splice then
 * is to say. A kernel that does not bound it is no failure. */
int splice_attach(const char *root, uint32_t *mode, char **why);

/* Breaks off the connection of this socket, in whatever network namespace. -ENOENT: that, or the
 * connection, is nowhere to be found. */
int splice_reset(const struct spliced *row);

#endif
