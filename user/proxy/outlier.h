/* SPDX-License-Identifier: GPL-2.0 */
/* Endpoints that fail again and again are left out for a time. */
#ifndef PROXY_OUTLIER_H
#define PROXY_OUTLIER_H

#include "proxy/part.h"

/* A try ended: with a status, or with none; `as`: the status that such a failure counts as. */
void outlier_answered(const struct destination *d, struct endpoint *e, uint16_t status,
		      int64_t now);
void outlier_failed(const struct destination *d, struct endpoint *e, uint16_t as, int64_t now);
/* How long its next ejection lasts, ns, after `before` of them that count. */
int64_t outlier_lasts(const struct table_outlier *o, unsigned before);
/*
 * By the main thread: takes back those whose time is over, if an interval has passed; of one
 * destination, and of all that are watched. When the last one that a cluster has is forgotten, all
 * are taken back.
 */
void outlier_sweep(const struct destination *d, int64_t now);
void outliers_sweep(const struct destination *watched, int64_t now);
void outlier_watch(struct destination **watched, struct destination *d);
void outlier_forget(struct destination *d);

#endif
