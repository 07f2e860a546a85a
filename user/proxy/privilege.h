/* SPDX-License-Identifier: GPL-2.0 */
/* What the process may do: what a proxy of bytes needs, and nothing else. */
#ifndef PROXY_PRIVILEGE_H
#define PROXY_PRIVILEGE_H

#include <stdint.h>

/* Raises the number of descriptors, becomes uid and gid unless 0, drops every capability; -errno.
 */
int privilege_drop(uint32_t uid, uint32_t gid);
/* For all threads there are, from now on: other system calls fail with EPERM. */
int privilege_filter(void);

#endif
