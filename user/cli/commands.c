// SPDX-License-Identifier: GPL-2.0
/* The table of subcommands: what each takes, and who runs it. */
#include <stdio.h>
#include <string.h>
#include "cli/cli.h"

#define F "-f FILE|DIR|-"

const struct command commands[] = {
	{"agent",
	 "[--config DIR] [--state DIR] [--cgroup PATH] [--metrics [ADDRESS:]PORT|off] "
	 "[--node NAME] [--node-device DEVICE[,...]] [--node-address ADDRESS[,...]] "
	 "[--outside auto|native|generic|tc|off] [--capture auto|socket|tc] "
	 "[--http-split connection|request] [--proxy on|off] [--splice on|off] "
	 "[--access-log FILE|-] [--access-log-format text|json] [--l7-memory SIZE] [--l7-workers N] [--lenient]",
	 "run the node agent in the foreground", "shunt agent --config /etc/shunt",
	 OPT_CONFIG | OPT_STATE | OPT_CGROUP | OPT_METRICS | OPT_HTTP_SPLIT | OPT_PROXY | OPT_L7 |
		 OPT_LENIENT | OPT_NODE | OPT_OUTSIDE | OPT_SPLICE,
	 0, 0,
	 cli_agent},
	{"load", "[--cgroup PATH]", "pin and attach the programs alone", "shunt load",
	 OPT_CGROUP | OPT_OUTPUT, 0, 0, cli_load},
	{"unload", "[--force] [--reset]", "remove every trace from the kernel (--force stops the agent first)",
	 "shunt unload --force", OPT_FORCE | OPT_RESET, 0, 0, cli_unload},
	{"validate", F " [-n NS] [--lenient] [--strict] [-o json]",
	 "every error and warning, with its place", "shunt validate -f reviews.yaml",
	 OPT_READ | OPT_OUTPUT, 0, 0, cli_validate},
	{"plan",
	 F " [-n NS] [--from NS[/POD]] [--node NAME] [--lenient] [--strict] "
	 "[--http-split connection|request] [-o json]",
	 "what would be programmed, offline", "shunt plan -f reviews.yaml",
	 OPT_READ | OPT_OUTPUT | OPT_HTTP_SPLIT | OPT_FROM | OPT_NODE, 0, 0, cli_plan},
	{"apply", F " [-n NS] [--lenient] [--strict] [-o json]", "put objects in force, all or none",
	 "shunt apply -f reviews.yaml", OPT_READ | OPT_OUTPUT, 0, 0, cli_apply},
	{"delete", F " | KIND NAME… [-n NS] [-o json]", "take objects out of force",
	 "shunt delete virtualservice reviews", OPT_READ | OPT_OUTPUT, 0, -1, cli_delete},
	{"diff", F " [-n NS] [-o json]",
	 "what an apply would change: the YAML, then the shares (exit 0 same, 1 differs, 3 failed)",
	 "shunt diff -f reviews.yaml", OPT_READ | OPT_OUTPUT, 0, 0, cli_diff},
	{"get", "[KIND [NAME]] [-n NS] [-o json]", "objects in force, as YAML",
	 "shunt get vs reviews", OPT_SHOW, 0, 2, cli_get},
	{"status", "[-o json]", "what runs, what is rejected, what is not in force", "shunt status",
	 OPT_OUTPUT, 0, 0, cli_status},
	{"services", "[-n NS] [-o json]", "hosts and ports with their split, wanted and measured",
	 "shunt services -n default", OPT_SHOW, 0, 0, cli_services},
	{"clusters", "[-n NS] [-o json]", "destinations with their live counts (per node)",
	 "shunt clusters", OPT_SHOW, 0, 0, cli_clusters},
	{"endpoints", "[-n NS] [-o json]", "servers of each destination with their live counts",
	 "shunt endpoints", OPT_SHOW, 0, 0, cli_endpoints},
	{"conns", "[-o json]", "steered connections: who calls, what was dialled, where it went",
	 "shunt conns", OPT_OUTPUT, 0, 0, cli_conns},
	{"top", "[HOST] [--every DURATION] [--count N] [-o json]",
	 "rates by destination and rule, again and again", "shunt top reviews",
	 OPT_REPEAT | OPT_OUTPUT, 0, 1, cli_top},
	{"events", "[-f] [-o json]", "refused and failed connections (-f: as they come)",
	 "shunt events -f", OPT_FOLLOW | OPT_OUTPUT, 0, 0, cli_events},
	{"maps", "[-o json]", "kernel maps: use, capacity, how to dump them", "shunt maps",
	 OPT_OUTPUT, 0, 0, cli_maps},
	{"shift", "HOST [--route NAME|INDEX] [HOST2/]SUBSET=WEIGHT… [--over DURATION] [-n NS]",
	 "change weights and show the split as it moves",
	 "shunt shift reviews v1=50 v2=50 --over 1m", OPT_SHOW | OPT_ROUTE | OPT_OVER, 2, -1,
	 cli_shift},
	{"drain", "HOST [SUBSET] [--within DURATION|--now] [-n NS] [-o json]",
	 "move live connections that are too many where they are", "shunt drain reviews v1 --within 1m",
	 OPT_SHOW | OPT_DRAIN, 1, 2, cli_drain},
	{"explain",
	 "[" F "] [--from NS[/POD] | --gateway [NS/]NAME] HOST[:PORT]|URL [METHOD PATH] "
	 "[-H 'NAME: VALUE']…",
	 "why a call goes where it goes",
	 "shunt explain --from default/client reviews:9080 GET /reviews/1 -H 'end-user: jason'",
	 OPT_READ | OPT_OUTPUT | OPT_FROM | OPT_HEADER | OPT_GATEWAY, 1, 3, cli_explain},
	{"hosts", "[" F "] [--from NS]", "lines for /etc/hosts", "shunt hosts --from default",
	 OPT_READ | OPT_FROM, 0, 0, cli_hosts},
	{"completion", "[bash]", "completion for the shell", "source <(shunt completion bash)", 0, 0,
	 1, cli_completion},
	{"version", "[-o json]", "the version", "shunt version", OPT_OUTPUT, 0, 0, cli_version},
	{"help", "[SUBCOMMAND]", "this text, or more on one subcommand", "shunt help plan", 0, 0, 1,
	 cli_help},
	{0},
};

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++) {
		if (!strcmp(c->name, name))
			return c;
	}
	return NULL;
}

static void completion_options(const struct command *c)
{
	const char *name;

	for (size_t i = 0; (name = options_name(c, i)); i++)
		printf(" --%s", name);
}

int cli_completion(const struct options *o)
{
	if (o->nr_rest && strcmp(o->rest[0], "bash"))
		return wrong_use("completion", "unknown shell \"%s\", want bash", o->rest[0]);
	puts("_shunt()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} words=\n"
	     "\tif [ \"$COMP_CWORD\" = 1 ]; then");
	fputs("\t\twords=\"", stdout);
	for (const struct command *c = commands; c->name; c++)
		printf("%s%s", c == commands ? "" : " ", c->name);
	puts("\"\n\telse\n\t\tcase ${COMP_WORDS[1]} in");
	for (const struct command *c = commands; c->name; c++) {
		printf("\t\t%s) words=\"", c->name);
		completion_options(c);
		puts("\" ;;");
	}
	puts("\t\tesac\n\tfi\n\tcase $cur in\n\t-*) ;;\n"
	     "\t*) [ \"$COMP_CWORD\" = 1 ] || { COMPREPLY=($(compgen -f -- \"$cur\")); return; } ;;\n"
	     "\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
	     "complete -o filenames -F _shunt shunt");
	return 0;
}
