// SPDX-License-Identifier: GPL-2.0
/* `events`: refused and failed connections, those that were and, with -f, those that come. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cli/call.h"
#include "cli/cli.h"

static void event_print(const json_t *e, bool json)
{
	double at = json_number_value(json_object_get(e, "time"));
	time_t seconds = (time_t)at;
	const char *host = member_text(e, "host"), *to = member_text(e, "to");
	const char *dialled = member_text(e, "dialled"), *subset = member_text(e, "subset");
	struct tm tm;
	char when[32];

	if (json) {
		json_dumpf(e, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
		return;
	}
	localtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%H:%M:%S", &tm);
	printf("%s.%03d %s %s", when, (int)((at - (double)seconds) * 1000), member_text(e, "kind"),
	       host);
	if (*dialled)
		printf("%s%s%s%s%s by %s[%lld]", *host ? " (" : "", dialled, *host ? ")" : "",
		       *to ? " → " : "", to, member_text(e, "comm"),
		       (long long)member_number(e, "pid"));
	else
		printf(":%lld%s%s%s%s", (long long)member_number(e, "port"), *subset ? " " : "",
		       subset, *to ? " " : "", to);
	putchar('\n');
	fflush(stdout);
}

static void events_print(const json_t *reply, bool json)
{
	const json_t *it;
	size_t i;

	json_array_foreach(json_object_get(reply, "events"), i, it)
		event_print(it, json);
}

/* Until the agent goes or we are ended; one JSON object a line with -o json. */
static int events_follow(const struct options *o)
{
	json_t *request = json_pack("{s:s,s:b}", "command", "events", "follow", 1), *message;
	struct call c;
	int err = call_open(&c, o->root);

	if (!err)
		err = call_send(&c, request);
	if (!err)
		err = call_receive(&c, &message);
	if (!err && !json_is_true(json_object_get(message, "ok"))) {
		fprintf(stderr, "shunt events: %s\n", member_text(message, "error"));
		json_decref(message);
	} else if (!err) {
		events_print(message, o->json);
		json_decref(message);
		while (!(err = call_receive(&c, &message))) {
			event_print(message, o->json);
			json_decref(message);
		}
		fputs("shunt events: the agent went away\n", stderr);
	} else {
		call_failed(o, "events", err);
	}
	json_decref(request);
	call_close(&c);
	return EXIT_REFUSED;
}

int cli_events(const struct options *o)
{
	json_t *reply;
	int status;

	if (o->follow)
		return events_follow(o);
	status = call_agent(o, "events", call_request(o, "events"), &reply);
	if (status)
		return status;
	if (o->json) {
		call_show(reply);
		return 0;
	}
	events_print(reply, false);
	json_decref(reply);
	return 0;
}
