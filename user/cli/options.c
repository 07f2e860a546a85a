// SPDX-License-Identifier: GPL-2.0
/* Reads the options of every subcommand from one table. */
#include "cli/options.h"
#include "config/decode.h"
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LETTER_CGROUP = 256, LETTER_LENIENT, LETTER_STRICT, LETTER_FORCE, LETTER_FROM,
       LETTER_ROUTE, LETTER_OVER, LETTER_CONFIG, LETTER_STATE, LETTER_SPLIT, LETTER_METRICS,
       LETTER_ROOT };

static const struct {
	const char *name;
	int letter;
	bool argument;
	unsigned bit; /* 0: everywhere */
} table[] = {
	{"file", 'f', true, OPT_FILE},
	{"output", 'o', true, OPT_OUTPUT},
	{"namespace", 'n', true, OPT_NAMESPACE},
	{"all-namespaces", 'A', false, OPT_NAMESPACE},
	{"cgroup", LETTER_CGROUP, true, OPT_CGROUP},
	{"lenient", LETTER_LENIENT, false, OPT_LENIENT},
	{"strict", LETTER_STRICT, false, OPT_STRICT},
	{"force", LETTER_FORCE, false, OPT_FORCE},
	{"follow", 'f', false, OPT_FOLLOW},
	{"from", LETTER_FROM, true, OPT_FROM},
	{"route", LETTER_ROUTE, true, OPT_ROUTE},
	{"over", LETTER_OVER, true, OPT_OVER},
	{"config", LETTER_CONFIG, true, OPT_CONFIG},
	{"state", LETTER_STATE, true, OPT_STATE},
	{"http-split", LETTER_SPLIT, true, OPT_HTTP_SPLIT},
	{"metrics", LETTER_METRICS, true, OPT_METRICS},
	{"root", LETTER_ROOT, true, 0},
	{"verbose", 'v', false, 0},
	{"help", 'h', false, 0},
};
#define NR_TABLE (sizeof(table) / sizeof(table[0]))

static bool option_taken(size_t i, const struct command *c)
{
	return !table[i].bit || c->options & table[i].bit;
}

const char *options_name(const struct command *c, size_t i)
{
	for (size_t t = 0; t < NR_TABLE; t++) {
		if (option_taken(t, c) && i-- == 0)
			return table[t].name;
	}
	return NULL;
}

int wrong_use(const char *command, const char *format, ...)
{
	const struct command *c = command_find(command);
	va_list args;

	fprintf(stderr, "shunt %s: ", command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	if (c)
		fprintf(stderr, "usage: shunt %s%s%s\n", c->name, *c->usage ? " " : "", c->usage);
	return EXIT_USAGE;
}

bool root_name_valid(const char *name)
{
	size_t length = strlen(name);

	if (!length || length > 32 || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

char *options_caller(const struct options *o)
{
	const char *from = o->from ? o->from : o->namespace ? o->namespace : "default";

	return xstrndup(from, strcspn(from, "/"));
}

/* 0, or an EXIT_ value when the argument is wrong. */
static int option_set_word(struct options *o, const char *command, int letter, const char *arg)
{
	if (letter == 'o') {
		o->json = true;
		if (strcmp(arg, "json"))
			return wrong_use(command, "unknown output \"%s\", want json", arg);
	} else if (letter == LETTER_ROOT) {
		o->root = arg;
		if (!root_name_valid(arg))
			return wrong_use(command, "bad root \"%s\", want 1 to 32 of a-z 0-9 . _ -",
					 arg);
	} else if (letter == LETTER_OVER) {
		int64_t ns;

		if (duration_parse(arg, &ns) || ns < 1000000 || ns > 86400 * 1000000000LL)
			return wrong_use(command, "bad duration \"%s\", want one like 30s", arg);
		o->over_ms = (uint64_t)ns / 1000000;
	} else if (letter == LETTER_SPLIT && strcmp(arg, "connection")) {
		if (!strcmp(arg, "request")) {
			fprintf(stderr, "shunt %s: --http-split=request needs the L7 path, which "
				"this version does not have; connections are split\n", command);
			return EXIT_REFUSED;
		}
		return wrong_use(command, "unknown split \"%s\", want connection or request", arg);
	}
	return 0;
}

static int option_set(struct options *o, const struct command *c, int letter, char *arg)
{
	switch (letter) {
	case 'f':
		if (c->options & OPT_FOLLOW)
			o->follow = true;
		else
			vec_push(&o->files, arg);
		return 0;
	case 'n': o->namespace = arg; return 0;
	case 'A': o->all = true; return 0;
	case 'v': o->verbose = true; return 0;
	case LETTER_CGROUP: o->cgroup = arg; return 0;
	case LETTER_LENIENT: o->lenient = true; return 0;
	case LETTER_STRICT: o->strict = true; return 0;
	case LETTER_FORCE: o->force = true; return 0;
	case LETTER_FROM: o->from = arg; return 0;
	case LETTER_ROUTE: o->route = arg; return 0;
	case LETTER_CONFIG: o->config = arg; return 0;
	case LETTER_STATE: o->state = arg; return 0;
	case LETTER_METRICS: o->metrics = arg; return 0;
	default: return option_set_word(o, c->name, letter, arg);
	}
}

/* What getopt wants, with the options of `c` alone. */
static void option_list(const struct command *c, struct option *list, char *letters)
{
	*letters++ = ':';
	for (size_t i = 0; i < NR_TABLE; i++) {
		if (!option_taken(i, c))
			continue;
		*list++ = (struct option){table[i].name, table[i].argument, NULL, table[i].letter};
		if (table[i].letter > UCHAR_MAX)
			continue;
		*letters++ = (char)table[i].letter;
		if (table[i].argument)
			*letters++ = ':';
	}
	*list = (struct option){0};
	*letters = '\0';
}

int options_parse(struct options *o, const struct command *c, int argc, char **argv)
{
	struct option list[NR_TABLE + 1];
	char letters[2 * NR_TABLE + 2];
	int letter, err;

	*o = (struct options){.root = "shunt", .config = "/etc/shunt", .state = "/var/lib/shunt",
			      .metrics = "127.0.0.1:15020"};
	option_list(c, list, letters);
	opterr = 0;
	optind = 1;
	while ((letter = getopt_long(argc, argv, letters, list, NULL)) != -1) {
		if (letter == ':')
			return wrong_use(c->name, "%s wants a value", argv[optind - 1]);
		if (letter == '?')
			return wrong_use(c->name, "unknown option %s", argv[optind - 1]);
		err = option_set(o, c, letter, optarg);
		if (err)
			return err;
	}
	o->rest = argv + optind;
	o->nr_rest = (size_t)(argc - optind);
	if ((int)o->nr_rest < c->least)
		return wrong_use(c->name, "too few words");
	if (c->most >= 0 && (int)o->nr_rest > c->most)
		return wrong_use(c->name, "\"%s\" is one word too many", o->rest[c->most]);
	return 0;
}

void options_free(struct options *o)
{
	vec_free(&o->files);
}
