// SPDX-License-Identifier: GPL-2.0
/* `help` and `version`. */
#include <stdio.h>
#include "cli/cli.h"

static void help_print_all(void)
{
	puts("shunt shifts service traffic in the kernel, by the Istio rules you already have.\n\n"
	     "usage: shunt SUBCOMMAND [OPTION…]\n");
	for (const struct command *c = commands; c->name; c++)
		printf("  %-11s%s\n", c->name, c->help);
	puts("\nOptions of all: --root NAME (instance, default shunt), -v, --help.\n"
	     "Example: shunt plan -f manifests/examples/   shows what would happen, without root.\n"
	     "More: shunt help SUBCOMMAND");
}

void help_print(const struct command *c)
{
	printf("shunt %s: %s\n\nusage: shunt %s%s%s\n\noptions:\n", c->name, c->help, c->name,
	       *c->usage ? " " : "", c->usage);
	options_print(c, stdout);
	printf("\nexample:\n  %s\n", c->example);
}

int cli_help(const struct options *o)
{
	const struct command *c;

	if (!o->nr_rest) {
		help_print_all();
		return 0;
	}
	c = command_find(o->rest[0]);
	if (!c)
		return wrong_use("help", "there is no subcommand \"%s\"", o->rest[0]);
	help_print(c);
	return 0;
}

int cli_version(const struct options *o)
{
	if (o->json)
		printf("{\"version\": \"%s\"}\n", SHUNT_VERSION);
	else
		printf("shunt %s\n", SHUNT_VERSION);
	return 0;
}
