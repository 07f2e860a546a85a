// SPDX-License-Identifier: GPL-2.0
/* A cluster's health and traffic, as JSON. */
#include "agent/health.h"
#include <string.h>
#include "datapath/clock.h"

/* At most so long: how many connections. */
static json_t *lasted_json(const struct traffic *t)
{
	json_t *out = json_object();

#define X(name_, ns_) json_object_set_new(out, #name_, json_integer((json_int_t)t->lasted_##name_));
	SHUNT_LASTED(X)
#undef X
	json_object_set_new(out, "longer", json_integer((json_int_t)t->lasted_longer));
	return out;
}

static json_t *mean(uint64_t sum, uint64_t n, double unit)
{
	return n ? json_real((double)sum / (double)n / unit) : json_null();
}

static json_t *traffic_json(const struct traffic *t)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
			 "ended",
			 (json_int_t)t->ended, "bytes_sent",
			 (json_int_t)(t->bytes_sent + t->spliced_sent), "bytes_received",
			 (json_int_t)(t->bytes_received + t->spliced_received), "bytes_spliced",
			 (json_int_t)(t->spliced_sent + t->spliced_received), "segments_sent",
			 (json_int_t)t->segments_sent, "segments_received",
			 (json_int_t)t->segments_received, "segments_retransmitted",
			 (json_int_t)t->retransmitted, "rtt_us", mean(t->rtt, t->rtts, 1),
			 "rtt_min_us",
			 t->rtt_min ? json_integer((json_int_t)t->rtt_min) : json_null(),
			 "duration_seconds", mean(t->duration, t->ended, 1e9), "lasted",
			 lasted_json(t), "connect_refused", (json_int_t)t->refused,
			 "connect_timed_out", (json_int_t)t->timed_out, "connect_unreachable",
			 (json_int_t)t->unreachable, "reset", (json_int_t)t->reset, "lost",
			 (json_int_t)t->lost, "drained", (json_int_t)t->drained, "expired",
			 (json_int_t)t->expired);
}

static json_t *named(const struct cluster_reading *r)
{
	return json_pack("{s:s,s:i,s:s}", "host", r->name.host, "port", (int)r->name.port, "subset",
			 r->name.subset);
}

static json_t *since(const struct cluster_reading *r)
{
	return r->guarded ? json_real(clock_wall(r->guarded)) : json_null();
}

json_t *health_json(const struct cluster_reading *r)
{
	return json_pack("{s:i,s:I,s:I,s:o,s:I,s:o}", "ejected", (int)r->ejected, "ejections",
			 (json_int_t)r->ejections, "ejections_refused",
			 (json_int_t)r->ejections_refused, "guarded_since", since(r), "guards",
			 (json_int_t)r->guards, "traffic", traffic_json(&r->traffic));
}

static void guarded_add(const struct cluster_reading *r, void *list)
{
	json_t *it = r->guarded ? named(r) : NULL;

	if (!it)
		return;
	json_object_set_new(it, "since", since(r));
	json_array_append_new(list, it);
}

json_t *health_guarded(struct datapath *dp)
{
	json_t *list = json_array();

	datapath_cluster_each(dp, guarded_add, list);
	return list;
}

struct left_out {
	const json_t *destinations;
	json_t *list;
};

static bool is_among(const json_t *destinations, const struct cluster_reading *r)
{
	const json_t *it;
	size_t i;

	json_array_foreach(destinations, i, it) {
		const char *host = json_string_value(json_object_get(it, "host"));
		const char *subset = json_string_value(json_object_get(it, "subset"));

		if (host && subset && !strcmp(host, r->name.host) &&
		    !strcmp(subset, r->name.subset) &&
		    json_integer_value(json_object_get(it, "port")) == r->name.port)
			return true;
	}
	return false;
}

static void left_out_add(const struct cluster_reading *r, void *arg)
{
	struct left_out *l = arg;
	json_t *it;

	if ((!r->ejected && !r->guarded) || !is_among(l->destinations, r))
		return;
	it = named(r);
	json_object_set_new(it, "ejected", json_integer(r->ejected));
	json_object_set_new(it, "guarded_since", since(r));
	json_array_append_new(l->list, it);
}

json_t *health_of(struct datapath *dp, const json_t *destinations)
{
	struct left_out l = {destinations, json_array()};

	datapath_cluster_each(dp, left_out_add, &l);
	return l.list;
}
