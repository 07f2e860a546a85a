// SPDX-License-Identifier: GPL-2.0
/* Counts consecutive errors of endpoints, ejects them and takes them back. */
#include "proxy/outlier.h"

#define EJECTION_MAX (300 * 1000000000ll)

static void eject(const struct destination *d, struct endpoint *e, int64_t now)
{
	const struct table_outlier *o = d->table->outlier;
	int64_t most = o->base_ejection_time > EJECTION_MAX ? o->base_ejection_time : EJECTION_MAX;
	int64_t lasts, none = 0;
	unsigned others = atomic_load(&d->cluster->ejected);

	if (100.0 * (others + 1) / (double)d->table->nr_endpoints > o->max_ejection_percent)
		return;
	lasts = o->base_ejection_time * (int64_t)(atomic_load(&e->ejections) + 1);
	lasts = lasts < most ? lasts : most;
	if (!atomic_compare_exchange_strong(&e->ejected_until, &none, now + lasts))
		return;
	atomic_fetch_add(&d->cluster->ejected, 1);
	atomic_fetch_add(&e->ejections, 1);
}

/* One more in a row; at `limit` of them it goes, and counting begins anew either way. */
static void count_error(const struct destination *d, struct endpoint *e, atomic_uint *count,
			uint32_t limit, int64_t now)
{
	if (atomic_fetch_add(count, 1) + 1 != limit)
		return;
	atomic_store(count, 0);
	eject(d, e, now);
}

static void reset(atomic_uint *count)
{
	if (atomic_load_explicit(count, memory_order_relaxed))
		atomic_store_explicit(count, 0, memory_order_relaxed);
}

static bool is_error(const struct table_outlier *o, uint16_t status)
{
	for (size_t i = 0; i < o->nr_codes; i++)
		if (o->codes[i] == status)
			return true;
	return !o->nr_codes && status >= 500;
}

static void status_count(const struct destination *d, struct endpoint *e, uint16_t status,
			 int64_t now)
{
	const struct table_outlier *o = d->table->outlier;

	if (status >= 502 && status <= 504)
		count_error(d, e, &e->gateway_errors, o->consecutive_gateway, now);
	else
		reset(&e->gateway_errors);
	if (is_error(o, status))
		count_error(d, e, &e->errors, o->consecutive_5xx, now);
	else
		reset(&e->errors);
}

void outlier_answered(const struct destination *d, struct endpoint *e, uint16_t status, int64_t now)
{
	if (!d->table->outlier)
		return;
	reset(&e->local_errors);
	status_count(d, e, status, now);
}

void outlier_failed(const struct destination *d, struct endpoint *e, uint16_t as, int64_t now)
{
	const struct table_outlier *o = d->table->outlier;

	if (!o)
		return;
	if (o->split_local)
		count_error(d, e, &e->local_errors, o->consecutive_local, now);
	else
		status_count(d, e, as, now);
}

static void take_back(struct cluster *c, struct endpoint *e)
{
	atomic_store(&e->ejected_until, 0);
	atomic_fetch_sub(&c->ejected, 1);
	reset(&e->errors);
	reset(&e->gateway_errors);
	reset(&e->local_errors);
}

static void destination_sweep(const struct destination *d, int64_t now)
{
	for (size_t i = 0; i < d->table->nr_endpoints; i++) {
		struct endpoint *e = d->endpoints[i];
		int64_t until = atomic_load(&e->ejected_until);

		if (until && until <= now)
			take_back(d->cluster, e);
		else if (!until && atomic_load(&e->ejections))
			atomic_fetch_sub(&e->ejections, 1);
	}
}

void outliers_sweep(const struct snapshot *s, int64_t now)
{
	for (size_t i = 0; i < s->table->nr_clusters; i++) {
		const struct destination *d = &s->destinations[i];

		if (!d->table->outlier || now - d->cluster->swept < d->table->outlier->interval)
			continue;
		d->cluster->swept = now;
		destination_sweep(d, now);
	}
}
