// SPDX-License-Identifier: GPL-2.0
/* What `top` and `conns` ask: all counts at one moment, and the proxy's connections. */
#include <time.h>
#include "agent/agent.h"
#include "agent/counts.h"
#include "agent/wire.h"

static void cluster_add(const struct cluster_reading *r, void *list)
{
	json_array_append_new(list, json_pack("{s:s,s:i,s:s,s:s,s:I,s:I,s:I}", "host", r->name.host,
					      "port", (int)r->name.port, "protocol",
					      r->name.protocol == IPPROTO_UDP ? "udp" : "tcp",
					      "subset", r->name.subset,
					      "active", (json_int_t)r->active, "opened",
					      (json_int_t)r->opened, "failed",
					      (json_int_t)(r->connect_failed + r->refused_limit +
							   r->refused_no_endpoint)));
}

static void rule_add(const struct requests_reading *r, void *list)
{
	json_t *out;

	if (!r->counts.requests)
		return;
	out = json_pack("{s:s,s:s,s:i,s:s}", "rule", r->name->rule, "host", r->name->host, "port",
			(int)r->name->port, "subset", r->name->subset);
	json_object_update_new(out, requests_json(&r->counts));
	json_array_append_new(list, out);
}

json_t *command_top(struct agent *a, const json_t *request)
{
	json_t *clusters = json_array(), *rules = json_array();
	struct timespec now;

	(void)request;
	clock_gettime(CLOCK_MONOTONIC, &now);
	datapath_cluster_each(a->dp, cluster_add, clusters);
	datapath_requests_each(a->dp, rule_add, rules);
	return json_pack("{s:b,s:f,s:o,s:o}", "ok", 1, "time",
			 (double)now.tv_sec + (double)now.tv_nsec / 1e9, "clusters", clusters,
			 "rules", rules);
}

json_t *command_conns(struct agent *a, const json_t *request)
{
	json_t *clients = json_array(), *process;
	json_int_t total = 0;
	size_t i;

	(void)request;
	json_array_foreach(a->said, i, process) {
		json_array_extend(clients, json_object_get(process, "clients"));
		total += json_integer_value(json_object_get(process, "total"));
	}
	return json_pack("{s:b,s:o,s:I}", "ok", 1, "clients", clients, "total", total);
}
