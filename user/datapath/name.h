/* SPDX-License-Identifier: GPL-2.0 */
/* Names in the kernel's records: as long as there is room, and the same after a restart. */
#ifndef DATAPATH_NAME_H
#define DATAPATH_NAME_H

#include <stddef.h>

/* The text, with zeros up to `size`; one that is too long ends in its hash. Returns `out`. */
const char *name_put(char *out, size_t size, const char *text);

#endif
