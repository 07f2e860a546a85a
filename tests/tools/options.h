/* SPDX-License-Identifier: GPL-2.0 */
/* What the test client is asked to do. */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "buf.h"

static struct {
	const char *netns, *cgroup, *target, *path, *log;
	unsigned long count, parallel, procs, timeout_ms;
	double rate, duration; /* a second; seconds; 0: no bound */
	int nonblocking, hold, print_sequence, check_peername, abort;
	bool mapped;
	int family;
	struct buf headers; /* "name: value\r\n" lines */
} options = { .parallel = 1, .procs = 1, .timeout_ms = 5000 };

static const char usage[] =
	"usage: client [--netns NAME] [--cgroup PATH] [--count N] [--duration S] [--rate R]\n"
	"              [--parallel P] [--procs K] [--timeout MS] [--nonblocking] [--hold] [--abort]\n"
	"              [--family 4|6|mapped] [--check-peername] [--http /PATH [--header 'K: V']...]\n"
	"              [--print-sequence] [--log FILE] HOST:PORT\n"
	"Without --http it reads the line that a server with --tcp greets with. --parallel counts for\n"
	"each of the K processes, --count and --rate for all. --hold keeps connections open until\n"
	"stdin ends; --abort resets them. The last line printed is the tally as JSON. A line of the\n"
	"log: CLOCK_MONOTONIC ns at connect and at the end, result, pod, version.\n";

static const struct option long_options[] = {
	{ "netns", 1, NULL, 'n' },
	{ "cgroup", 1, NULL, 'g' },
	{ "count", 1, NULL, 'c' },
	{ "duration", 1, NULL, 'd' },
	{ "rate", 1, NULL, 'r' },
	{ "parallel", 1, NULL, 'p' },
	{ "procs", 1, NULL, 'k' },
	{ "timeout", 1, NULL, 't' },
	{ "family", 1, NULL, 'f' },
	{ "http", 1, NULL, 'h' },
	{ "header", 1, NULL, 'H' },
	{ "log", 1, NULL, 'l' },
	{ "nonblocking", 0, &options.nonblocking, 1 },
	{ "hold", 0, &options.hold, 1 },
	{ "abort", 0, &options.abort, 1 },
	{ "check-peername", 0, &options.check_peername, 1 },
	{ "print-sequence", 0, &options.print_sequence, 1 },
	{ 0 },
};

static int read_family(const char *word)
{
	options.mapped = !strcmp(word, "mapped");
	if (!strcmp(word, "4") || options.mapped)
		return AF_INET;
	if (strcmp(word, "6"))
		die(2, "%s", usage);
	return AF_INET6;
}

static unsigned long read_count(const char *word)
{
	char *end;
	unsigned long n = strtoul(word, &end, 10);

	if (!n || *end)
		die(2, "client: want a number above 0, not %s", word);
	return n;
}

static double read_seconds(const char *word)
{
	char *end;
	double n = strtod(word, &end);

	if (!(n > 0) || *end)
		die(2, "client: want a number above 0, not %s", word);
	return n;
}

static void read_word(int c, const char *word)
{
	if (c == 'n')
		options.netns = word;
	else if (c == 'g')
		options.cgroup = word;
	else if (c == 'h')
		options.path = word;
	else if (c == 'l')
		options.log = word;
	else if (c == 'H')
		buf_printf(&options.headers, "%s\r\n", word);
	else if (c == 'f')
		options.family = read_family(word);
	else
		die(2, "%s", usage);
}

static void read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'c')
			options.count = read_count(optarg);
		else if (c == 'p')
			options.parallel = read_count(optarg);
		else if (c == 'k')
			options.procs = read_count(optarg);
		else if (c == 't')
			options.timeout_ms = read_count(optarg);
		else if (c == 'd')
			options.duration = read_seconds(optarg);
		else if (c == 'r')
			options.rate = read_seconds(optarg);
		else if (c)
			read_word(c, optarg);
	}
	if (optind != argc - 1)
		die(2, "%s", usage);
	options.target = argv[optind];
	if (!options.count && !(options.duration > 0))
		options.count = 1;
}

#endif
