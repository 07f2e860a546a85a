// SPDX-License-Identifier: GPL-2.0
/*
 * `conns` and `maps`: read from what is pinned, so they work with the agent dead; the connections
 * of the proxy are there with it alone.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "agent/wire.h"
#include "cli/call.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "datapath/datapath.h"

#define MAX_CONNS 100000

static int kernel_open(const struct options *o, const char *command, struct datapath **dp)
{
	char *why = NULL;
	int err = datapath_open_readonly(o->root, dp, &why);

	if (!err)
		return 0;
	if (err == -ENOENT)
		fprintf(stderr, "shunt %s: nothing is loaded below /sys/fs/bpf/%s\n", command,
			o->root);
	else
		fprintf(stderr, "shunt %s: %s\n", command, why ? why : strerror(-err));
	free(why);
	return EXIT_REFUSED;
}

struct conns {
	json_t *list;
	struct strmap clusters; /* slot in decimal -> "host:port/udp subset" */
	uint64_t now;
};

static void cluster_note(const struct cluster_reading *r, void *arg)
{
	struct conns *c = arg;
	char slot[16];

	snprintf(slot, sizeof(slot), "%" PRIu32, r->slot);
	free(strmap_put(&c->clusters, slot,
			xasprintf("%s:%u%s%s%s", r->name.host, r->name.port,
				  r->name.protocol == IPPROTO_UDP ? "/udp" : "",
				  *r->name.subset ? " " : "", r->name.subset)));
}

static json_t *comm_json(const struct flow *flow)
{
	char text[17] = "";

	for (int i = 0; i < 16 && flow->comm[i]; i++)
		text[i] = flow->comm[i] < 0x20 || flow->comm[i] > 0x7e ? '?' : (char)flow->comm[i];
	return json_string(text);
}

static void flow_add(const struct flow *flow, void *arg)
{
	struct conns *c = arg;
	char dialled[INET_TEXT + 8], to[INET_TEXT + 8], slot[16];
	struct inet service, endpoint;

	if (!flow->steered)
		return;
	memcpy(service.byte, flow->service.address, 16);
	memcpy(endpoint.byte, flow->to, 16);
	snprintf(slot, sizeof(slot), "%" PRIu32, (uint32_t)(flow->hold & HOLD_CLUSTER_MASK));
	json_array_append_new(
		c->list,
		json_pack("{s:i,s:o,s:s,s:s,s:s,s:o,s:f,s:s,s:I,s:I}", "pid", (int)flow->pid, "comm",
			  comm_json(flow), "protocol",
			  flow->service.protocol == IPPROTO_UDP ? "udp" : "tcp", "dialled",
			  inet_print_port(&service, flow->service.port, dialled), "to",
			  inet_print_port(&endpoint, flow->to_port, to), "cluster",
			  json_text(flow->hold & HOLD_HELD ? strmap_get(&c->clusters, slot) : NULL),
			  "age_seconds", (double)(c->now - flow->since) / 1e9, "state",
			  !(flow->hold & HOLD_HELD) ? "closed" :
			  flow->phase == FLOW_CONNECTED ? "connected" : "connecting",
			  "plan", (json_int_t)flow->plan, "netns", (json_int_t)flow->netns));
}

static void conns_print(const struct conns *c, uint64_t total)
{
	const json_t *it;
	struct table t;
	size_t i;

	table_start(&t, "PID COMMAND DIALLED TO AGE STATE CLUSTER");
	json_array_foreach(c->list, i, it) {
		const char *cluster = json_string_value(json_object_get(it, "cluster"));

		table_add(&t, "%d", (int)json_integer_value(json_object_get(it, "pid")));
		table_add(&t, "%s", json_string_value(json_object_get(it, "comm")));
		table_add(&t, "%s", json_string_value(json_object_get(it, "dialled")));
		table_add(&t, "%s", json_string_value(json_object_get(it, "to")));
		table_add(&t, "%.1fs", json_real_value(json_object_get(it, "age_seconds")));
		table_add(&t, "%s", json_string_value(json_object_get(it, "state")));
		table_add(&t, "%s", cluster ? cluster : "");
	}
	table_print(&t, stdout);
	if (total > MAX_CONNS)
		printf("%" PRIu64 " more are not shown.\n", total - MAX_CONNS);
}

/* What the proxy holds, which only an agent can ask; NULL: none runs. */
static json_t *clients_ask(const struct options *o)
{
	struct call c;
	json_t *reply = NULL;
	int err = call_open(&c, o->root);

	call_close(&c);
	if (!err)
		call_quietly(o, "conns", call_request(o, "conns"), &reply);
	return reply;
}

static void clients_print(const json_t *reply)
{
	const json_t *list = json_object_get(reply, "clients"), *it;
	json_int_t more = member_number(reply, "total") - (json_int_t)json_array_size(list);
	struct table t;
	size_t i;

	if (!json_array_size(list))
		return;
	puts("\nConnections to the proxy:");
	table_start(&t, "CALLER FROM DIALLED STATE REQUEST TO CLUSTER");
	json_array_foreach(list, i, it) {
		const json_t *age = json_object_get(it, "request_seconds");

		table_add(&t, "%s", member_text(it, "caller"));
		table_add(&t, "%s", member_text(it, "from"));
		table_add(&t, "%s", member_text(it, "dialled"));
		table_add(&t, "%s", member_text(it, "state"));
		if (age)
			table_add(&t, "%.1fs", json_number_value(age));
		else
			table_add(&t, "-");
		table_add(&t, "%s", member_text(it, "to"));
		table_add(&t, "%s", member_text(it, "cluster"));
	}
	table_print(&t, stdout);
	if (more > 0)
		printf("%lld more are not shown.\n", (long long)more);
}

static void conns_show(const struct options *o, const struct conns *c, uint64_t total)
{
	json_t *reply = clients_ask(o), *list = json_object_get(reply, "clients");

	if (o->json) {
		json_show(json_pack("{s:O,s:I,s:o,s:I}", "conns", c->list, "total",
				    (json_int_t)total, "clients",
				    list ? json_incref(list) : json_array(), "clients_total",
				    member_number(reply, "total")));
	} else {
		conns_print(c, total);
		clients_print(reply);
	}
	json_decref(reply);
}

int cli_conns(const struct options *o)
{
	struct conns c = {0};
	struct strmap_entry *e;
	struct timespec now;
	struct datapath *dp;
	uint64_t total = 0;
	char *why = NULL;
	int err = kernel_open(o, "conns", &dp);

	if (err)
		return err;
	c.list = json_array();
	datapath_cluster_each(dp, cluster_note, &c);
	clock_gettime(CLOCK_MONOTONIC, &now);
	c.now = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	err = datapath_flow_each(dp, MAX_CONNS, flow_add, &c, &total, &why);
	datapath_close(dp);
	if (err)
		fprintf(stderr, "shunt conns: %s\n", why ? why : strerror(-err));
	else
		conns_show(o, &c, total);
	free(why);
	strmap_each(&c.clusters, e)
		free(e->value);
	strmap_free(&c.clusters);
	json_decref(c.list);
	return err ? EXIT_REFUSED : 0;
}

static void map_add(const struct map_reading *r, void *arg)
{
	json_array_append_new(arg, json_pack("{s:s,s:I,s:I,s:s,s:s,s:s}", "name", r->name, "used",
					     (json_int_t)r->used, "max", (json_int_t)r->max,
					     "holds", r->holds, "path", r->path, "dump", r->dump));
}

int cli_maps(const struct options *o)
{
	json_t *list;
	const json_t *it;
	struct datapath *dp;
	struct table t;
	size_t i;
	int err = kernel_open(o, "maps", &dp);

	if (err)
		return err;
	list = json_array();
	datapath_map_each(dp, map_add, list);
	datapath_close(dp);
	if (o->json) {
		json_show(json_pack("{s:o}", "maps", list));
		return 0;
	}
	table_start(&t, "MAP USED MAX HOLDS DUMP");
	json_array_foreach(list, i, it) {
		json_int_t max = json_integer_value(json_object_get(it, "max"));

		table_add(&t, "%s", json_string_value(json_object_get(it, "name")));
		table_add(&t, "%lld", (long long)json_integer_value(json_object_get(it, "used")));
		if (max)
			table_add(&t, "%lld", (long long)max);
		else
			table_add(&t, "-");
		table_add(&t, "%s", json_string_value(json_object_get(it, "holds")));
		table_add(&t, "%s", json_string_value(json_object_get(it, "dump")));
	}
	table_print(&t, stdout);
	json_decref(list);
	return 0;
}
