// SPDX-License-Identifier: GPL-2.0
/* `proxy`: the process of the L7 path, which the agent starts; not for the command line. */
#include "proxy/proxy.h"
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"

static const char usage[] =
	"usage: shunt proxy --control FD [--workers N] [--memory BYTES] [--uid N] [--gid N]\n"
	"                   [--access-log FILE] [--access-log-format text|json] [--destination ADDRESS:PORT]\n"
	"                   [--head-timeout MS] [--idle-timeout MS]\n"
	"The agent runs this. --destination is for tests: it stands in for what was dialled.\n";

static const struct option long_options[] = {
	{"control", 1, NULL, 'c'},     {"workers", 1, NULL, 'w'},
	{"memory", 1, NULL, 'm'},      {"uid", 1, NULL, 'u'},
	{"gid", 1, NULL, 'g'},	       {"access-log", 1, NULL, 'a'},
	{"destination", 1, NULL, 'd'}, {"access-log-format", 1, NULL, 'f'},
	{"head-timeout", 1, NULL, 'h'},	 {"idle-timeout", 1, NULL, 'i'},
	{0},
};

static bool number(const char *text, unsigned long most, unsigned long *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*out = strtoul(text, &end, 10);
	return !*end && *out <= most;
}

static bool take(struct proxy_options *o, int letter, const char *value)
{
	unsigned long n = 0;

	switch (letter) {
	case 'a':
		o->access_log = value;
		return true;
	case 'd':
		o->destination = value;
		return true;
	case 'f':
		o->log_json = !strcmp(value, "json");
		return o->log_json || !strcmp(value, "text");
	case 'm':
		if (!number(value, 1ul << 40, &n))
			return false;
		o->memory = n;
		return true;
	}
	if (!strchr("cwughi", letter) || !number(value, letter == 'w' ? 1024 : UINT32_MAX - 1, &n))
		return false;
	if (letter == 'c')
		o->control = (int)n;
	else if (letter == 'w')
		o->workers = (unsigned)n;
	else if (letter == 'h')
		o->head_timeout = (uint32_t)n;
	else if (letter == 'i')
		o->idle_timeout = (uint32_t)n;
	else if (letter == 'u')
		o->uid = (uint32_t)n;
	else
		o->gid = (uint32_t)n;
	return true;
}

int cli_proxy(int argc, char **argv)
{
	struct proxy_options o = {.control = -1};
	int letter;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (letter == '?' || !take(&o, letter, optarg)) {
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc || o.control == -1 || fcntl(o.control, F_SETFD, FD_CLOEXEC) == -1) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	/* The workers still run, so nothing that they use may be taken down. */
	_exit(proxy_run(&o) ? EXIT_REFUSED : 0);
}
