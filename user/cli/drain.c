// SPDX-License-Identifier: GPL-2.0
/* `drain`: live connections that are too many where they are leave, and how far that has come. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cli/call.h"
#include "cli/cli.h"

#define LOOK_MS 200

static json_t *drain_request(const struct options *o)
{
	json_t *request = call_request(o, "drain");

	json_object_set_new(request, "host", json_text(o->rest[0]));
	if (o->nr_rest > 1)
		json_object_set_new(request, "subset", json_text(o->rest[1]));
	if (o->now)
		json_object_set_new(request, "now", json_true());
	else if (o->within_ms)
		json_object_set_new(request, "within_ms", json_integer((json_int_t)o->within_ms));
	return request;
}

/* A line for each destination that connections leave, or have left. */
static void destinations_print(const json_t *reply)
{
	const json_t *it;
	size_t i;

	json_array_foreach(json_object_get(reply, "destinations"), i, it) {
		const char *subset = member_text(it, "subset");

		if (!member_number(it, "moved") && !member_number(it, "left"))
			continue;
		printf("%s:%lld%s%s%s: %lld there, %lld moved, %lld left\n",
		       member_text(it, "host"), (long long)member_number(it, "port"),
		       strcmp(member_text(it, "protocol"), "udp") ? "" : "/udp", *subset ? " " : "",
		       subset, (long long)member_number(it, "connections"),
		       (long long)member_number(it, "moved"), (long long)member_number(it, "left"));
	}
	fflush(stdout);
}

/* Looks again until it has ended; *reply is what it says then. */
static int drain_wait(const struct options *o, json_t **reply)
{
	json_int_t id = member_number(*reply, "id"), moved = member_number(*reply, "moved");

	while (json_is_true(json_object_get(*reply, "moving"))) {
		int status;

		nanosleep(&(struct timespec){0, LOOK_MS * 1000000}, NULL);
		json_decref(*reply);
		status = call_agent(o, "drain",
				    json_pack("{s:s,s:I}", "command", "drain", "id", id), reply);
		if (status)
			return status;
		if (!o->json && member_number(*reply, "moved") != moved)
			destinations_print(*reply);
		moved = member_number(*reply, "moved");
	}
	return 0;
}

int cli_drain(const struct options *o)
{
	json_t *reply;
	json_int_t left;
	int status;

	if (o->now && o->within_ms)
		return wrong_use("drain", "--now and --within exclude each other");
	status = call_agent(o, "drain", drain_request(o), &reply);
	if (status)
		return status;
	if (!o->json)
		destinations_print(reply);
	status = drain_wait(o, &reply);
	if (status)
		return status;
	left = member_number(reply, "left");
	if (o->json) {
		json_object_del(reply, "id");
		json_object_del(reply, "moving");
		call_show(reply);
		return left ? EXIT_REFUSED : 0;
	}
	if (left)
		printf("%lld could not be moved\n", (long long)left);
	else if (!member_number(reply, "moved"))
		puts("no connection has to move");
	json_decref(reply);
	return left ? EXIT_REFUSED : 0;
}
