/* SPDX-License-Identifier: GPL-2.0 */
/* How many descriptors the process may have. */
#ifndef BASE_NOFILE_H
#define BASE_NOFILE_H

/* As many as the system allows, up to a million. */
void nofile_raise(void);

#endif
