/* SPDX-License-Identifier: GPL-2.0 */
/* Endpoints that fail again and again are left out for a time. */
#ifndef PROXY_OUTLIER_H
#define PROXY_OUTLIER_H

#include "proxy/snapshot.h"

/* A try ended: with a status, or with none. `status` 0: `local`, what a failure counts as. */
void outlier_answered(const struct destination *d, struct endpoint *e, uint16_t status,
		      int64_t now);
void outlier_failed(const struct destination *d, struct endpoint *e, uint16_t as, int64_t now);
/* Takes back those whose time is over, where an interval has passed; by the main thread. */
void outliers_sweep(const struct snapshot *s, int64_t now);

#endif
