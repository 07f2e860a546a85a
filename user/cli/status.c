// SPDX-License-Identifier: GPL-2.0
/* `status`: the agent's own account, or what the kernel holds when no agent runs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cli/call.h"
#include "cli/cli.h"
#include "agent/agent.h"

static void counters_print(const json_t *counters)
{
	const char *name;
	json_t *value;

	puts("counters:");
	json_object_foreach((json_t *)counters, name, value)
		printf("  %-20s %lld\n", name, (long long)json_integer_value(value));
}

static void kernel_print(const json_t *s)
{
	const json_t *it;
	size_t i;

	printf("programs: %lld on cgroup %s, kernel %s\n", (long long)member_number(s, "programs"),
	       member_text(s, "cgroup"), member_text(s, "kernel"));
	json_array_foreach(json_object_get(s, "notes"), i, it)
		printf("  %s\n", json_string_value(it));
	printf("reservations: %lld leaked, %lld audits\n", (long long)member_number(s, "leaked"),
	       (long long)member_number(s, "audits"));
	printf("sockets older than the programs, not counted: %lld\n",
	       (long long)member_number(s, "older_sockets"));
	counters_print(json_object_get(s, "counters"));
}

/* A heading and one line each; nothing when there is none. */
static void list_print(const json_t *s, const char *key, const char *heading,
		       const char *const *members)
{
	const json_t *list = json_object_get(s, key), *it;
	size_t i;

	if (!json_array_size(list))
		return;
	printf("%s:\n", heading);
	json_array_foreach(list, i, it) {
		bool first = true;

		for (const char *const *m = members; *m; m++) {
			const char *text = member_text(it, *m);

			if (*text)
				printf("%s%s", first ? "  " : ": ", text);
			first &= !*text;
		}
		puts(json_is_true(json_object_get(it, "kept")) ?
			     " (its last good version stays in force)" : "");
	}
}

static void objects_print(const json_t *objects)
{
	const char *name;
	json_t *value;

	fputs("objects:", stdout);
	json_object_foreach((json_t *)objects, name, value) {
		if (json_integer_value(value))
			printf(" %s %lld", name, (long long)json_integer_value(value));
	}
	putchar('\n');
}

static void scopes_print(const json_t *scopes)
{
	const json_t *it, *pod;
	size_t i, j;

	if (json_array_size(scopes))
		puts("scopes, with the pods of this host:");
	json_array_foreach(scopes, i, it) {
		printf("  %lld %s%s%s", (long long)member_number(it, "number"),
		       member_text(it, "scope"),
		       json_is_true(json_object_get(it, "closed")) ? ", closed" : "",
		       json_is_true(json_object_get(it, "registry_only")) ? ", registry only" : "");
		json_array_foreach(json_object_get(it, "pods"), j, pod)
			printf("%s%s [netns %lld]", j ? ", " : ": ", member_text(pod, "pod"),
			       (long long)member_number(pod, "netns"));
		putchar('\n');
	}
}

static void count_print(const json_t *s, const char *key, const char *what)
{
	json_int_t nr = member_number(s, key);

	printf(", %lld %s%s", (long long)nr, what, nr == 1 ? "" : "s");
}

static double mebibytes(const json_t *of, const char *key)
{
	return (double)member_number(of, key) / (1 << 20);
}

/* The L7 path. */
static void proxy_print(const json_t *p)
{
	const char *off = member_text(p, "off_because"), *exit = member_text(p, "last_exit");
	json_int_t pid = member_number(p, "pid"), lost = member_number(p, "log_lines_lost");

	printf("proxy: %s%s%s", member_text(p, "state"), *off ? ", as " : "", off);
	if (pid)
		printf(", process %lld, up %lld s", (long long)pid,
		       (long long)member_number(p, "uptime_seconds"));
	if (json_is_true(json_object_get(p, "answers")))
		printf(", %lld workers, %lld connections, memory %.1f of %.0f MiB",
		       (long long)member_number(p, "workers"),
		       (long long)member_number(p, "connections"), mebibytes(p, "memory_bytes"),
		       mebibytes(p, "memory_limit_bytes"));
	printf("; %lld requests", (long long)member_number(p, "requests"));
	count_print(p, "restarts", "restart");
	if (*exit)
		printf(", the last one after %s", exit);
	if (member_number(p, "draining"))
		printf(", %lld draining", (long long)member_number(p, "draining"));
	if (lost)
		printf(", %lld lines of the access log lost", (long long)lost);
	putchar('\n');
}

/* Where callers from outside come in. */
static void outside_print(const json_t *o)
{
	const json_t *devices = json_object_get(o, "devices"), *it;
	const json_t *addresses = json_object_get(o, "addresses");
	size_t i;

	if (!json_array_size(devices))
		return;
	fputs("from outside:", stdout);
	json_array_foreach(devices, i, it) {
		const char *because = member_text(it, "because");

		printf("%s %s %s%s%s%s", i ? "," : "", member_text(it, "device"),
		       member_text(it, "hook"), *because ? " (" : "", because, *because ? ")" : "");
	}
	fputs("; node ports at", stdout);
	json_array_foreach(addresses, i, it)
		printf("%s %s", i ? "," : "", json_string_value(it));
	putchar('\n');
}

/* Pods that are steered by their packets. */
static void captured_print(const json_t *list)
{
	const json_t *it;
	size_t i;

	if (!json_array_size(list))
		return;
	fputs("steered by packet:", stdout);
	json_array_foreach(list, i, it) {
		const char *device = member_text(it, "device");

		printf("%s %s %s (%s)", i ? "," : "", member_text(it, "pod"),
		       *device ? device : "not, as it has no device here",
		       member_text(it, "because"));
	}
	putchar('\n');
}

/* Live connections on their way elsewhere. */
static void guarded_print(const json_t *list)
{
	const json_t *it;
	size_t i;

	json_array_foreach(list, i, it) {
		const char *subset = member_text(it, "subset");

		printf("out of its split by its guard: %s:%lld%s%s\n", member_text(it, "host"),
		       (long long)member_number(it, "port"), *subset ? " " : "", subset);
	}
}

static void drains_print(const json_t *list)
{
	const json_t *it;
	size_t i;

	json_array_foreach(list, i, it)
		printf("%s %s:%lld: %lld connections moved, %lld left\n",
		       json_is_true(json_object_get(it, "moving")) ? "draining" : "drained",
		       member_text(it, "host"), (long long)member_number(it, "port"),
		       (long long)member_number(it, "moved"), (long long)member_number(it, "left"));
}

static void status_print(const json_t *s)
{
	static const char *const faults[] = {"place", "path", "error", NULL};
	static const char *const texts[] = {"place", "path", "text", NULL};
	static const char *const fields[] = {"place", "object", "field", NULL};
	static const char *const refused[] = {"path", "text", NULL};
	static const char *const enforced[] = {"object", "text", NULL};

	printf("agent: running, process %lld, up %lld s, version %s, root %s\n",
	       (long long)member_number(s, "pid"), (long long)member_number(s, "uptime_seconds"),
	       member_text(s, "version"), member_text(s, "root"));
	printf("sources: folder %s, applied %s\n", member_text(s, "config"),
	       member_text(s, "state"));
	printf("plan: %lld in force", (long long)member_number(s, "plan"));
	count_print(s, "hosts", "host");
	count_print(s, "services", "service");
	count_print(s, "split_routes", "split route");
	puts(json_is_true(json_object_get(s, "waiting")) ? "; a newer one was refused" : "");
	objects_print(json_object_get(s, "objects"));
	proxy_print(json_object_get(s, "proxy"));
	outside_print(json_object_get(s, "outside"));
	captured_print(json_object_get(s, "captured"));
	drains_print(json_object_get(s, "drains"));
	guarded_print(json_object_get(s, "guarded"));
	scopes_print(json_object_get(s, "scopes"));
	list_print(s, "refused", "refused plan", refused);
	list_print(s, "not_enforced", "NOT ENFORCED", enforced);
	list_print(s, "rejected", "rejected", faults);
	list_print(s, "not_in_force", "given, but not in force", fields);
	list_print(s, "warnings", "warnings", texts);
	kernel_print(s);
}

/* The pinned state tells enough; -ENOENT when nothing is loaded. */
static int status_without_agent(const struct options *o)
{
	struct datapath *dp;
	char *why = NULL;
	json_t *s;
	int err = datapath_open_readonly(o->root, &dp, &why);

	if (err) {
		fprintf(o->json ? stderr : stdout, "agent: not running; %s\n",
			err == -ENOENT ? "nothing loaded" : why ? why : strerror(-err));
		free(why);
		return EXIT_REFUSED;
	}
	s = datapath_json(dp);
	datapath_close(dp);
	json_object_set_new(s, "agent", json_string("not running"));
	json_object_set_new(s, "root", json_text(o->root));
	if (o->json) {
		json_show(s);
		return 0;
	}
	printf("agent: not running; programs loaded, plan %lld\n",
	       (long long)member_number(s, "kernel_plan"));
	kernel_print(s);
	json_decref(s);
	return 0;
}

int cli_status(const struct options *o)
{
	struct call c;
	json_t *reply;
	int status, err = call_open(&c, o->root);

	call_close(&c);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return status_without_agent(o);
	status = call_agent(o, "status", call_request(o, "status"), &reply);
	if (status)
		return status;
	if (o->json) {
		call_show(reply);
		return 0;
	}
	status_print(reply);
	json_decref(reply);
	return 0;
}
