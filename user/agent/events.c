// SPDX-License-Identifier: GPL-2.0
/* What the programs tell as it happens, in words. */
#include <string.h>
#include "agent/agent.h"
#include "agent/wire.h"
#include "datapath/clock.h"

static const char *const event_names[] = {
	[EVENT_REFUSED_LIMIT] = "refused_limit",
	[EVENT_REFUSED_NO_ENDPOINT] = "refused_no_endpoint",
	[EVENT_REFUSED_NO_CLUSTER] = "refused_no_cluster",
	[EVENT_CONNECT_FAILED] = "connect_failed",
	[EVENT_REFUSED_NO_PROXY] = "refused_no_proxy",
	[EVENT_REFUSED_UNKNOWN] = "refused_unknown",
	[EVENT_UNKNOWN_CALLER] = "unknown_caller",
	[EVENT_DRAINED] = "drained",
	[EVENT_EXPIRED_IDLE] = "expired_idle",
	[EVENT_EXPIRED_DURATION] = "expired_duration",
	[EVENT_EJECTED] = "ejected",
	[EVENT_RETURNED] = "returned",
	[EVENT_GUARDED] = "guarded",
};

/* The host whose address was dialled; NULL when the plan has moved on. */
static const char *host_of(const struct plan *plan, const uint8_t address[16])
{
	struct strmap_entry *e;

	strmap_each(&plan->hosts, e)
	{
		const struct plan_host *host = e->value;

		for (size_t i = 0; i < host->nr_addresses; i++) {
			if (!memcmp(host->addresses[i].byte, address, 16))
				return host->host;
		}
	}
	return NULL;
}

/* A process names itself: its comm may be no UTF-8, nor end. */
static json_t *comm_json(const __u8 comm[16])
{
	char text[17] = "";

	for (int i = 0; i < 16 && comm[i]; i++)
		text[i] = comm[i] < 0x20 || comm[i] > 0x7e ? '?' : (char)comm[i];
	return json_string(text);
}

static const char *const reasons[] = {
	[FAILURE_REFUSED] = "refused",
	[FAILURE_TIMED_OUT] = "timed_out",
	[FAILURE_UNREACHABLE] = "unreachable",
};

/* Whether it is about a cluster; else the slot means nothing. */
static bool has_cluster(const struct event *e)
{
	return e->kind == EVENT_REFUSED_LIMIT || e->kind == EVENT_REFUSED_NO_ENDPOINT ||
	       e->kind == EVENT_CONNECT_FAILED || e->kind == EVENT_EJECTED ||
	       e->kind == EVENT_RETURNED || e->kind == EVENT_GUARDED;
}

/* Where to, "" when it went nowhere: of an ejection the endpoint, which the programs name by slot. */
static const char *to_text(const struct agent *a, const struct event *e, char *text)
{
	uint16_t port = e->to_port;
	struct inet to;

	memcpy(to.byte, e->to, 16);
	if ((e->kind == EVENT_EJECTED || e->kind == EVENT_RETURNED) &&
	    !datapath_endpoint_at(a->dp, e->cluster, e->endpoint, &to, &port))
		return "";
	return port ? inet_print_port(&to, port, text) : "";
}

static json_t *dialled_json(const struct event *e)
{
	char text[INET_TEXT + 8];
	struct inet service;

	memcpy(service.byte, e->service.address, 16);
	return json_string(e->service.port ? inet_print_port(&service, e->service.port, text) : "");
}

json_t *event_json(const struct agent *a, const struct event *e)
{
	const char *kind = e->kind < sizeof(event_names) / sizeof(event_names[0]) ? event_names[e->kind] : NULL;
	const char *reason = e->reason < sizeof(reasons) / sizeof(reasons[0]) ? reasons[e->reason] : NULL;
	const char *host = e->service.port ? host_of(a->plan, e->service.address) : NULL;
	struct cluster_name name = {0};
	char to[INET_TEXT + 8];
	bool named = has_cluster(e) && !datapath_cluster_name(a->dp, e->cluster, &name);
	json_t *out;

	out = json_pack("{s:f,s:s,s:o,s:o,s:s,s:i,s:o,s:I,s:o}", "time", clock_wall(e->time),
			"kind", kind ? kind : "unknown", "host",
			json_text(host ? host : named ? name.host : NULL), "dialled",
			dialled_json(e), "to", to_text(a, e, to), "pid", (int)e->pid, "comm",
			comm_json(e->comm), "netns", (json_int_t)e->netns, "reason",
			json_text(reason));
	json_object_set_new(out, "port", named ? json_integer(name.port) : json_null());
	json_object_set_new(out, "subset", named ? json_string(name.subset) : json_null());
	return out;
}

json_t *command_events(struct agent *a, const json_t *request)
{
	uint64_t first = a->nr_events > AGENT_EVENTS ? a->nr_events - AGENT_EVENTS : 0;
	json_t *list = json_array();

	(void)request;
	for (uint64_t i = first; i < a->nr_events; i++)
		json_array_append_new(list, event_json(a, &a->events[i % AGENT_EVENTS]));
	return json_pack("{s:b,s:I,s:o}", "ok", 1, "before", (json_int_t)first, "events", list);
}
