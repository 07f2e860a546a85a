/* SPDX-License-Identifier: GPL-2.0 */
/* New endpoints begin with a small part of their share. */
#ifndef PROXY_WARMUP_H
#define PROXY_WARMUP_H

#include "snapshot/table.h"

/* What its weight is multiplied by. `since`: when it came, ns; 0: it has always been there. */
double warmup_factor(const struct table_warmup *w, int64_t since, int64_t now);

#endif
