/* SPDX-License-Identifier: GPL-2.0 */
/* The options of all subcommands, read in one place. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/vec.h"

#define EXIT_REFUSED 1
#define EXIT_USAGE 2

/* Which options a subcommand takes; --root, --verbose and --help go everywhere. */
enum option_bit {
	OPT_FILE = 1 << 0,
	OPT_OUTPUT = 1 << 1,
	OPT_NAMESPACE = 1 << 2,
	OPT_CGROUP = 1 << 3,
	OPT_LENIENT = 1 << 4,
	OPT_STRICT = 1 << 5,
	OPT_FORCE = 1 << 6,
	OPT_FOLLOW = 1 << 7,
	OPT_FROM = 1 << 8,
	OPT_ROUTE = 1 << 9,
	OPT_OVER = 1 << 10,
	OPT_CONFIG = 1 << 11,
	OPT_STATE = 1 << 12,
	OPT_HTTP_SPLIT = 1 << 13,
	OPT_METRICS = 1 << 14,
	OPT_PROXY = 1 << 17,
	OPT_HEADER = 1 << 15,
	OPT_GATEWAY = 1 << 16,
	OPT_L7 = 1 << 18, /* all of the proxy's that the agent passes on */
	OPT_REPEAT = 1 << 19,
	OPT_NODE = 1 << 20,
	OPT_DRAIN = 1 << 26,
	OPT_OUTSIDE = 1 << 21,
	OPT_SPLICE = 1 << 22,
	OPT_RESET = 1 << 23,
};
#define OPT_READ (OPT_FILE | OPT_NAMESPACE | OPT_LENIENT | OPT_STRICT)
#define OPT_SHOW (OPT_OUTPUT | OPT_NAMESPACE)

struct options {
	VEC(char *) files; /* -f, each a file, a folder or "-" */
	VEC(char *) headers; /* -H, each "NAME: VALUE" */
	bool json, all, lenient, strict, force, follow, verbose, split_requests, no_proxy;
	bool splice, reset;
	const char *namespace; /* NULL: not given */
	const char *root;      /* "shunt" when not given */
	const char *node;      /* "": not known */
	const char *node_devices, *node_addresses; /* by comma; NULL: as found */
	const char *capture; /* auto, socket, tc; NULL: the default */
	const char *outside; /* a hook; NULL: the default */
	const char *cgroup;    /* NULL: the cgroup2 root */
	const char *from;      /* "NS" or "NS/POD"; NULL */
	const char *gateway;   /* "[NS/]NAME"; NULL */
	const char *route;
	uint64_t over_ms;
	uint64_t within_ms; /* 0: not given */
	bool now;
	const char *config, *state;
	const char *metrics; /* "[ADDRESS:]PORT" */
	const char *access_log; /* NULL: none; "-": standard output */
	bool access_log_json;
	uint64_t l7_memory; /* bytes; 0: not given, as is the next one */
	unsigned l7_workers;
	uint64_t every_ms;
	unsigned long count; /* 0: without end */
	char **rest;	     /* what is no option */
	size_t nr_rest;
};

struct command {
	const char *name;
	const char *usage; /* what follows the name */
	const char *help;  /* one line */
	const char *example;
	unsigned options;	/* enum option_bit */
	int least, most;	/* words that are no options; most -1: any number */
	int (*run)(const struct options *o);
};
extern const struct command commands[]; /* ends with a NULL name */
const struct command *command_find(const char *name);

/*
 * Reads argv[1..]; the words of `o` point into argv. 0, or an EXIT_ value when it was used wrongly
 * or asks for what there is not, which has then been said on standard error.
 */
int options_parse(struct options *o, const struct command *c, int argc, char **argv);
void options_free(struct options *o);
/* Says one sentence and the usage of `c`; returns EXIT_USAGE. */
int wrong_use(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The name of the i-th long option that `c` takes, NULL after the last. */
const char *options_name(const struct command *c, size_t i);
/* A line for each option that `c` takes. */
void options_print(const struct command *c, FILE *out);
/* The namespace `--from` or `-n` names, else "default"; the caller frees. */
char *options_caller(const struct options *o);
bool root_name_valid(const char *name); /* [a-z0-9._-]{1,32}, not "." or ".." */

#endif
