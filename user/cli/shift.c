// SPDX-License-Identifier: GPL-2.0
/* `shift`: new weights at once or step by step, and what the connections then do. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli/call.h"
#include "cli/cli.h"

#define MAX_STEPS 20
#define STEP_MS 1000
#define SCALE 1000 /* weights between the first and the last step are of this sum */

/* "[HOST2/]SUBSET=WEIGHT"; NULL when it is not. */
static json_t *weight_parse(const char *word)
{
	const char *equals = strrchr(word, '='), *slash = strchr(word, '/');
	size_t digits = equals ? strspn(equals + 1, "0123456789") : 0;
	const char *subset = slash && slash < equals ? slash + 1 : word;
	json_t *out;

	if (!digits || digits > 6 || equals[1 + digits] || equals == subset)
		return NULL;
	out = json_pack("{s:o,s:I}", "subset", json_stringn(subset, (size_t)(equals - subset)),
			"weight", (json_int_t)strtol(equals + 1, NULL, 10));
	if (subset != word)
		json_object_set_new(out, "host", json_stringn(word, (size_t)(slash - word)));
	return out;
}

static json_t *shift_request(const struct options *o, json_t *weights, bool dry)
{
	json_t *request = call_request(o, "shift");

	json_object_set_new(request, "host", json_text(o->rest[0]));
	json_object_set(request, "weights", weights);
	json_object_set_new(request, "dry", json_boolean(dry));
	if (o->route)
		json_object_set_new(request, "route", json_text(o->route));
	return request;
}

static double share_of(const json_t *list, size_t i)
{
	double sum = 0;
	const json_t *it;
	size_t at;

	json_array_foreach(list, at, it)
		sum += (double)member_number(it, "weight");
	return sum > 0 ? (double)member_number(json_array_get(list, i), "weight") / sum : 0;
}

/* Connections opened so far, per destination of `list`, over all hosts' subset of that name. */
static void opened_read(const struct options *o, const json_t *list, json_int_t *opened)
{
	json_t *reply;
	const json_t *it, *cluster;
	size_t i, c;

	memset(opened, 0, json_array_size(list) * sizeof(*opened));
	if (call_agent(o, "shift", json_pack("{s:s}", "command", "clusters"), &reply))
		return;
	json_array_foreach(list, i, it) {
		const char *host = member_text(it, "host");
		size_t length = strlen(host);

		json_array_foreach(json_object_get(reply, "clusters"), c, cluster) {
			const char *name = member_text(cluster, "host");

			if (!strncmp(name, host, length) &&
			    (!name[length] || name[length] == '.') &&
			    !strcmp(member_text(cluster, "subset"), member_text(it, "subset")))
				opened[i] += member_number(cluster, "opened");
		}
	}
	json_decref(reply);
}

/* A line: "v1 75% → 50%", and what was measured since `before` when there is any. */
static void split_print(const json_t *wanted, const json_int_t *before, const json_int_t *now)
{
	json_int_t sum = 0;
	const json_t *it;
	size_t i;

	for (i = 0; before && i < json_array_size(wanted); i++)
		sum += now[i] - before[i];
	json_array_foreach(wanted, i, it) {
		const char *subset = member_text(it, "subset");

		printf("%s%s %.1f%%", i ? ", " : "", *subset ? subset : member_text(it, "host"),
		       100 * share_of(wanted, i));
		if (sum)
			printf(" (%lld of %lld)", (long long)(now[i] - before[i]), (long long)sum);
	}
	putchar('\n');
	fflush(stdout);
}

static void wait_ms(uint64_t ms)
{
	struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		;
}

/* The weights of one step on the way, as a request names them. */
static json_t *weights_between(const json_t *before, const json_t *after, size_t step, size_t steps)
{
	json_t *list = json_array();
	const json_t *it;
	size_t i;

	json_array_foreach(after, i, it) {
		double from = i < json_array_size(before) ? share_of(before, i) : 0;
		double share = from + (share_of(after, i) - from) * (double)step / (double)steps;
		json_t *one = json_pack("{s:s,s:I}", "subset", member_text(it, "subset"), "weight",
					step == steps ? member_number(it, "weight") :
							(json_int_t)(share * SCALE + 0.5));

		/* Without a host the agent adds a subset that the route did not have before. */
		if (i < json_array_size(before) && *member_text(it, "host"))
			json_object_set_new(one, "host", json_text(member_text(it, "host")));
		json_array_append_new(list, one);
	}
	return list;
}

/* With -o json one object a line, which has in addition what each destination got. */
static void step_show(const struct options *o, json_t *reply, const json_int_t *was,
		      const json_int_t *now)
{
	json_t *after = json_object_get(reply, "after"), *it;
	size_t i;

	if (!o->json) {
		split_print(after, was, now);
		return;
	}
	json_array_foreach(after, i, it)
		json_object_set_new(it, "opened", json_integer(now[i] - was[i]));
	json_object_del(reply, "ok");
	json_dumpf(reply, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
}

static int shift_steps(const struct options *o, const json_t *before, const json_t *after)
{
	size_t steps = o->over_ms / STEP_MS, nr = json_array_size(after);
	json_int_t *was = xcalloc(nr, sizeof(*was)), *now = xcalloc(nr, sizeof(*now));
	json_t *reply;
	int status = 0;

	steps = steps < 1 ? 1 : steps > MAX_STEPS ? MAX_STEPS : steps;
	for (size_t step = 1; step <= steps && !status; step++) {
		json_t *weights = weights_between(before, after, step, steps);

		/* What is found about the object is the same at each step. */
		status = (step == 1 ? call_agent : call_quietly)(
			o, "shift", shift_request(o, weights, false), &reply);
		json_decref(weights);
		if (status)
			break;
		opened_read(o, after, was);
		wait_ms(o->over_ms / steps);
		opened_read(o, after, now);
		/* One that is no cluster of the plan any more: nothing new went there. */
		for (size_t i = 0; i < nr; i++)
			now[i] = now[i] < was[i] ? was[i] : now[i];
		step_show(o, reply, was, now);
		json_decref(reply);
	}
	free(was);
	free(now);
	return status;
}

static int shift_over(const struct options *o, json_t *weights)
{
	json_t *plan;
	int status = call_agent(o, "shift", shift_request(o, weights, true), &plan);

	if (status)
		return status;
	status = shift_steps(o, json_object_get(plan, "before"), json_object_get(plan, "after"));
	json_decref(plan);
	return status;
}

static int shift_at_once(const struct options *o, json_t *weights)
{
	json_t *reply;
	int status = call_agent(o, "shift", shift_request(o, weights, false), &reply);

	if (status)
		return status;
	if (o->json) {
		call_show(reply);
		return 0;
	}
	printf("%s%s%s\nwas: ", member_text(reply, "object"),
	       *member_text(reply, "route") ? " route " : "", member_text(reply, "route"));
	split_print(json_object_get(reply, "before"), NULL, NULL);
	fputs("now: ", stdout);
	split_print(json_object_get(reply, "after"), NULL, NULL);
	json_decref(reply);
	return 0;
}

int cli_shift(const struct options *o)
{
	json_t *weights = json_array();
	int status = 0;

	for (size_t i = 1; i < o->nr_rest && !status; i++) {
		json_t *weight = weight_parse(o->rest[i]);

		if (weight)
			json_array_append_new(weights, weight);
		else
			status = wrong_use("shift", "\"%s\" is not [HOST2/]SUBSET=WEIGHT",
					   o->rest[i]);
	}
	if (!status)
		status = o->over_ms ? shift_over(o, weights) : shift_at_once(o, weights);
	json_decref(weights);
	return status;
}
