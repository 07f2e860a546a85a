// SPDX-License-Identifier: GPL-2.0
/* Counts consecutive errors of endpoints, ejects them and takes them back. */
#include "proxy/outlier.h"

#define EJECTION_MAX (300 * 1000000000ll)

int64_t outlier_lasts(const struct table_outlier *o, unsigned before)
{
	int64_t most = o->base_ejection_time > EJECTION_MAX ? o->base_ejection_time : EJECTION_MAX;

	/* not multiplied where that would not fit */
	if (before >= most / o->base_ejection_time)
		return most;
	return o->base_ejection_time * (int64_t)(before + 1);
}

/* Of the destination's endpoints one more may be out. */
static bool may_eject(const struct destination *d)
{
	size_t out = 1, nr = d->table->nr_endpoints;

	for (size_t i = 0; i < nr; i++)
		out += !endpoint_takes_part(d->endpoints[i]);
	return 100.0 * (double)out / (double)nr <= d->table->outlier->max_ejection_percent;
}

/* The lock makes the share exact: two that fail at one time do not both see room for one. */
static void eject(const struct destination *d, struct endpoint *e, int64_t now)
{
	struct cluster *c = d->cluster;

	pthread_mutex_lock(&c->ejecting);
	if (endpoint_takes_part(e) && may_eject(d)) {
		unsigned before = atomic_fetch_add(&e->ejections, 1);

		atomic_store(&e->ejected_until, now + outlier_lasts(d->table->outlier, before));
		atomic_fetch_add(&c->ejected, 1);
		atomic_fetch_add(&c->health, 1);
	}
	pthread_mutex_unlock(&c->ejecting);
}

/* One more in a row; at `limit` of them it goes, and counting begins anew either way. 0: never. */
static void count_error(const struct destination *d, struct endpoint *e, atomic_uint *count,
			uint32_t limit, int64_t now)
{
	if (!limit || atomic_fetch_add(count, 1) + 1 < limit)
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
	atomic_fetch_add(&c->health, 1);
	reset(&e->errors);
	reset(&e->gateway_errors);
	reset(&e->local_errors);
}

static void endpoint_sweep(struct cluster *c, struct endpoint *e, int64_t now)
{
	int64_t until = atomic_load(&e->ejected_until);

	if (until && until <= now)
		take_back(c, e);
	else if (!until && atomic_load(&e->ejections))
		atomic_fetch_sub(&e->ejections, 1);
}

void outlier_sweep(const struct destination *d, int64_t now)
{
	const struct table_outlier *o = d->table->outlier;
	struct cluster *c = d->cluster;

	if (now - c->swept < o->interval)
		return;
	c->swept = now;
	pthread_mutex_lock(&c->ejecting);
	for (size_t i = 0; i < d->table->nr_endpoints; i++)
		endpoint_sweep(c, d->endpoints[i], now);
	pthread_mutex_unlock(&c->ejecting);
}

void outliers_sweep(const struct destination *watched, int64_t now)
{
	for (const struct destination *d = watched; d; d = d->next)
		outlier_sweep(d, now);
}

/* ---- who is watched ---- */

void outlier_watch(struct destination **watched, struct destination *d)
{
	d->cluster->watchers++;
	d->next = *watched;
	d->link = watched;
	if (d->next)
		d->next->link = &d->next;
	*watched = d;
}

/* Nothing else would ever take them back. */
static void all_take_back(struct cluster *c)
{
	const struct strmap_entry *entry;

	pthread_mutex_lock(&c->ejecting);
	strmap_each (&c->endpoints, entry) {
		struct endpoint *e = entry->value;

		if (!endpoint_takes_part(e))
			take_back(c, e);
		atomic_store(&e->ejections, 0);
	}
	pthread_mutex_unlock(&c->ejecting);
}

void outlier_forget(struct destination *d)
{
	*d->link = d->next;
	if (d->next)
		d->next->link = d->link;
	if (!--d->cluster->watchers)
		all_take_back(d->cluster);
}
