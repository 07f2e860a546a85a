// SPDX-License-Identifier: GPL-2.0
/* The `shunt` command: finds the subcommand and runs it. */
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "cli/cli.h"

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	const struct command *c;
	struct options o;
	int status;

	if (argc < 2) {
		fputs("shunt: no subcommand\nusage: shunt SUBCOMMAND [OPTION…] (see shunt help)\n",
		      stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = "help";
	if (!strcmp(argv[1], "--version"))
		argv[1] = "version";
	if (!strcmp(argv[1], "proxy"))
		return cli_proxy(argc - 1, argv + 1);
	c = command_find(argv[1]);
	if (!c) {
		fprintf(stderr, "shunt: there is no subcommand \"%s\"\n"
			"usage: shunt SUBCOMMAND [OPTION…] (see shunt help)\n", argv[1]);
		return EXIT_USAGE;
	}
	if (wants_help(argc - 1, argv + 1)) {
		help_print(c);
		return 0;
	}
	status = options_parse(&o, c, argc - 1, argv + 1);
	log_verbose = o.verbose;
	if (!status)
		status = c->run(&o);
	options_free(&o);
	if (fflush(stdout) == EOF)
		status = status ? status : EXIT_REFUSED;
	return status;
}
