// SPDX-License-Identifier: GPL-2.0
/* Prints the proxy's counts by rule and destination, and what its processes say of themselves. */
#include "telemetry/requests.h"
#include <inttypes.h>
#include <string.h>

struct reading { /* a copy, so that all metrics of a scrape say the same */
	struct requests_name name;
	struct requests counts;
};
struct readings {
	VEC(struct reading) list;
};

/* `extra`: one more label with its value, or NULL. */
static void labels(FILE *out, const char *name, const struct requests_name *of, const char *extra,
		   const char *value)
{
	fprintf(out, "%s{rule=\"", name);
	prometheus_print_label(of->rule, out);
	fputs("\",host=\"", out);
	prometheus_print_label(of->host, out);
	fprintf(out, "\",port=\"%" PRIu32 "\",subset=\"", of->port);
	prometheus_print_label(of->subset, out);
	if (extra)
		fprintf(out, "\",%s=\"%s", extra, value);
	fputs("\"}", out);
}

static void line(FILE *out, const char *name, const struct requests_name *of, const char *extra,
		 const char *value, uint64_t n)
{
	labels(out, name, of, extra, value);
	fprintf(out, " %" PRIu64 "\n", n);
}

static void classes_print(const struct readings *all, FILE *out)
{
	static const char *const names[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
	const char *const metric = "shunt_requests_total";
	const struct reading *r;

	prometheus_print_head(out, "shunt_requests_total", "counter", "requests of the proxy that ended");
	vec_each(&all->list, r)
		for (unsigned i = 0; i < 6; i++)
			if ((&r->counts.status_none)[i])
				line(out, metric, &r->name, "code_class", names[i],
				     (&r->counts.status_none)[i]);
}

static void flags_print(const struct readings *all, FILE *out)
{
	static const char *const names[] = {
#define NAME(name, text) #name,
		SHUNT_FLAGS(NAME)
#undef NAME
	};
	const char *const metric = "shunt_request_flags_total";
	const struct reading *r;

	prometheus_print_head(out, "shunt_request_flags_total", "counter",
	     "requests that ended with this response flag");
	vec_each(&all->list, r)
		for (unsigned i = 0; i < SHUNT_NR_FLAGS; i++)
			if ((&r->counts.flag_UH)[i])
				line(out, metric, &r->name, "flag", names[i],
				     (&r->counts.flag_UH)[i]);
}

#define TOOK "shunt_request_duration_seconds"

static void took_print(const struct readings *all, FILE *out)
{
	static const char *const most[] = {
		"0.0005", "0.001", "0.005", "0.01", "0.025", "0.05", "0.1",  "0.25", "0.5",  "1",
		"2.5",	  "5",	   "10",    "30",   "60",    "300",  "600", "1800", "3600", "+Inf",
	};
	const struct reading *r;

	_Static_assert(sizeof(most) / sizeof(most[0]) == SHUNT_NR_TOOK, "a bound each");
	prometheus_print_head(out, TOOK, "histogram", "how long requests took");
	vec_each(&all->list, r) {
		uint64_t upto = 0;

		for (unsigned i = 0; i < SHUNT_NR_TOOK; i++) {
			upto += (&r->counts.took_500us)[i];
			line(out, TOOK "_bucket", &r->name, "le", most[i],
			     upto);
		}
		labels(out, TOOK "_sum", &r->name, NULL, NULL);
		fprintf(out, " %" PRIu64 ".%09" PRIu64 "\n",
			(uint64_t)r->counts.duration / 1000000000,
			(uint64_t)r->counts.duration % 1000000000);
		line(out, TOOK "_count", &r->name, NULL, NULL,
		     upto);
	}
}

static const struct {
	const char *name, *type, *help;
	size_t at; /* in struct requests */
} sums[] = {
	{"shunt_request_retries_total", "counter", "tries after the first one",
	 offsetof(struct requests, retries)},
	{"shunt_request_regex_limits_total", "counter",
	 "regular expressions of the rule's matches that were given up: no match",
	 offsetof(struct requests, regex_limits)},
	{"shunt_request_received_bytes_total", "counter", "of bodies, from clients",
	 offsetof(struct requests, bytes_received)},
	{"shunt_request_sent_bytes_total", "counter", "of bodies, to clients",
	 offsetof(struct requests, bytes_sent)},
};

static void sums_print(const struct readings *all, FILE *out)
{
	const struct reading *r;

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		prometheus_print_head(out, sums[i].name, sums[i].type, sums[i].help);
		vec_each(&all->list, r)
			line(out, sums[i].name, &r->name, NULL, NULL,
			     *(const __u64 *)((const char *)&r->counts + sums[i].at));
	}
}

/* What nothing was counted in says nothing. */
static void reading_keep(const struct requests_reading *r, void *arg)
{
	struct readings *all = arg;

	if (r->counts.requests || r->counts.retries || r->counts.regex_limits)
		vec_push(&all->list, ((struct reading){*r->name, r->counts}));
}

void requests_print(struct datapath *dp, FILE *out)
{
	struct readings all = {0};

	datapath_requests_each(dp, reading_keep, &all);
	classes_print(&all, out);
	flags_print(&all, out);
	sums_print(&all, out);
	took_print(&all, out);
	vec_free(&all.list);
}
