// SPDX-License-Identifier: GPL-2.0
/* Reads the options of every subcommand from one table. */
#include "cli/options.h"
#include "agent/capture.h"
#include "agent/node.h"
#include "config/decode.h"
#include "config/names.h"
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LETTER_CGROUP = 256, LETTER_LENIENT, LETTER_STRICT, LETTER_FORCE, LETTER_FROM,
       LETTER_ROUTE, LETTER_OVER, LETTER_CONFIG, LETTER_STATE, LETTER_SPLIT, LETTER_METRICS, LETTER_PROXY,
       LETTER_ROOT, LETTER_GATEWAY, LETTER_ACCESS_LOG, LETTER_LOG_FORMAT, LETTER_L7_MEMORY,
       LETTER_L7_WORKERS, LETTER_EVERY, LETTER_COUNT, LETTER_NODE, LETTER_WITHIN, LETTER_NOW, LETTER_SPLICE, LETTER_RESET,
       LETTER_NODE_DEVICE, LETTER_NODE_ADDRESS, LETTER_OUTSIDE, LETTER_CAPTURE };

static const struct {
	const char *name;
	int letter;
	const char *value; /* NULL: takes none */
	unsigned bit;	   /* 0: everywhere */
	const char *text;
} table[] = {
	{"file", 'f', "FILE|DIR|-", OPT_FILE, "objects to read: YAML or JSON, - is standard input"},
	{"output", 'o', "json", OPT_OUTPUT, "the same facts for programs"},
	{"namespace", 'n', "NS", OPT_NAMESPACE, "this one only; of objects that name none"},
	{"all-namespaces", 'A', NULL, OPT_NAMESPACE, "all namespaces, whatever -n says"},
	{"cgroup", LETTER_CGROUP, "PATH", OPT_CGROUP,
	 "steer what runs in this cgroup2 folder (default: the whole host)"},
	{"lenient", LETTER_LENIENT, NULL, OPT_LENIENT, "unknown fields are warnings, not errors"},
	{"strict", LETTER_STRICT, NULL, OPT_STRICT, "warnings are errors"},
	{"force", LETTER_FORCE, NULL, OPT_FORCE, "also stop the agent that runs"},
	{"reset", LETTER_RESET, NULL, OPT_RESET,
	 "reset spliced connections that do not drain within 10 s"},
	{"follow", 'f', NULL, OPT_FOLLOW, "go on with events as they come"},
	{"from", LETTER_FROM, "NS[/POD]", OPT_FROM, "who calls, and where short names are seen from"},
	{"gateway", LETTER_GATEWAY, "[NS/]NAME", OPT_GATEWAY, "the request comes in at this Gateway"},
	{"header", 'H', "'NAME: VALUE'", OPT_HEADER, "a header of the request"},
	{"route", LETTER_ROUTE, "NAME|INDEX", OPT_ROUTE, "which route of the VirtualService"},
	{"over", LETTER_OVER, "DURATION", OPT_OVER, "in steps over this time, like 30s or 5m"},
	{"within", LETTER_WITHIN, "DURATION", OPT_DRAIN,
	 "the last one has left by then (default: as shunt.io/drain says, else 10s)"},
	{"now", LETTER_NOW, NULL, OPT_DRAIN, "all at once"},
	{"config", LETTER_CONFIG, "DIR", OPT_CONFIG,
	 "folder of YAML to follow (default /etc/shunt)"},
	{"state", LETTER_STATE, "DIR", OPT_STATE,
	 "where applied objects are kept (default /var/lib/shunt)"},
	{"node", LETTER_NODE, "NAME", OPT_NODE,
	 "the Node that callers are on (default $NODE_NAME, else the host name)"},
	{"node-device", LETTER_NODE_DEVICE, "DEVICE[,...]", OPT_OUTSIDE,
	 "where callers from outside come in (default those with a default route)"},
	{"node-address", LETTER_NODE_ADDRESS, "ADDRESS[,...]", OPT_OUTSIDE,
	 "where node ports are (default all addresses of these devices)"},
	{"outside", LETTER_OUTSIDE, "auto|native|generic|tc|off", OPT_OUTSIDE,
	 "what steers callers from outside: XDP in the driver or generic, or tc (default auto)"},
	{"capture", LETTER_CAPTURE, "auto|socket|tc", OPT_OUTSIDE,
	 "pods steered by packet: those asked for and virtual machines, without these, all (default auto)"},
	{"http-split", LETTER_SPLIT, "connection|request", OPT_HTTP_SPLIT, "what weights count on HTTP ports"},
	{"proxy", LETTER_PROXY, "on|off", OPT_PROXY,
	 "whether HTTP that the kernel cannot do has a proxy (default on)"},
	{"splice", LETTER_SPLICE, "on|off", OPT_SPLICE,
	 "join the local ends of every steered connection, past TCP (default those asked for)"},
	{"metrics", LETTER_METRICS, "[ADDRESS:]PORT|off", OPT_METRICS,
	 "where Prometheus reads (default 127.0.0.1:15020)"},
	{"access-log", LETTER_ACCESS_LOG, "FILE|-", OPT_L7,
	 "a line for each request of the proxy, - is standard output (default none)"},
	{"access-log-format", LETTER_LOG_FORMAT, "text|json", OPT_L7,
	 "how it is written (default text)"},
	{"l7-memory", LETTER_L7_MEMORY, "SIZE", OPT_L7,
	 "what the proxy's connections may take, like 512Mi (default 1Gi)"},
	{"l7-workers", LETTER_L7_WORKERS, "N", OPT_L7,
	 "threads of the proxy (default one for each CPU)"},
	{"every", LETTER_EVERY, "DURATION", OPT_REPEAT, "what one look covers (default 2s)"},
	{"count", LETTER_COUNT, "N", OPT_REPEAT, "end after so many looks (with -o json: 1)"},
	{"root", LETTER_ROOT, "NAME", 0, "which instance (default shunt)"},
	{"verbose", 'v', NULL, 0, "say more on standard error"},
	{"help", 'h', NULL, 0, "this text"},
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

/* The long name, as wrong use is told of. */
static const char *option_of(int letter, const struct command *c)
{
	for (size_t i = 0; i < NR_TABLE; i++) {
		if (table[i].letter == letter && option_taken(i, c))
			return table[i].name;
	}
	return "";
}

void options_print(const struct command *c, FILE *out)
{
	for (size_t i = 0; i < NR_TABLE; i++) {
		bool letter = table[i].letter <= UCHAR_MAX;
		char *form;

		if (!option_taken(i, c))
			continue;
		form = xasprintf("%c%c%c --%s%s%s", letter ? '-' : ' ',
				 letter ? table[i].letter : ' ', letter ? ',' : ' ', table[i].name,
				 table[i].value ? " " : "", table[i].value ? table[i].value : "");
		fprintf(out, "  %-32s  %s\n", form, table[i].text);
		free(form);
	}
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

static bool caller_valid(const char *from)
{
	const char *slash = strchr(from, '/');
	char *namespace = xstrndup(from, strcspn(from, "/"));
	bool valid = name_is_object(namespace) && name_is_label(namespace) &&
		     (!slash || name_is_object(slash + 1));

	free(namespace);
	return valid;
}

static bool gateway_valid(const char *name)
{
	return strchr(name, '/') ? caller_valid(name) : name_is_object(name);
}

static int split_set(struct options *o, const char *command, const char *arg)
{
	if (strcmp(arg, "connection") && strcmp(arg, "request"))
		return wrong_use(command, "unknown split \"%s\", want connection or request", arg);
	o->split_requests = !strcmp(arg, "request");
	return 0;
}

/* "512Mi", "2G", "1048576": bytes as Kubernetes writes them. */
static bool size_parse(const char *text, uint64_t *out)
{
	static const struct {
		const char *suffix;
		uint64_t bytes;
	} units[] = {{"", 1},	       {"k", 1000},	   {"M", 1000000},    {"G", 1000000000},
		     {"Ki", 1u << 10}, {"Mi", 1u << 20}, {"Gi", 1u << 30}};
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 13)
		return false;
	*out = strtoull(text, NULL, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(text + digits, units[i].suffix)) {
			*out *= units[i].bytes;
			return true;
		}
	return false;
}

static int memory_set(struct options *o, const char *command, const char *arg)
{
	if (size_parse(arg, &o->l7_memory) && o->l7_memory >= 1 << 20 &&
	    o->l7_memory <= 1ull << 40)
		return 0;
	return wrong_use(command, "--l7-memory: bad value \"%s\", want 1Mi to 1024Gi, like 512Mi",
			 arg);
}

static int number_set(const char *command, const char *option, const char *arg, unsigned long most,
		      unsigned long *out)
{
	char *end;

	*out = strtoul(arg, &end, 10);
	if (*arg >= '0' && *arg <= '9' && !*end && *out && *out <= most)
		return 0;
	return wrong_use(command, "--%s: bad value \"%s\", want 1 to %lu", option, arg, most);
}

static int workers_set(struct options *o, const char *command, const char *arg)
{
	unsigned long n = 0;
	int status = number_set(command, "l7-workers", arg, 1024, &n);

	o->l7_workers = (unsigned)n;
	return status;
}

static int every_set(struct options *o, const char *command, const char *arg)
{
	int64_t ns;

	if (duration_parse(arg, &ns) || ns < 100000000 || ns > 3600 * 1000000000LL)
		return wrong_use(command, "--every: bad value \"%s\", want 100ms to 1h, like 2s",
				 arg);
	o->every_ms = (uint64_t)ns / 1000000;
	return 0;
}

static int time_set(const char *command, const char *option, const char *arg, uint64_t *ms)
{
	int64_t ns;

	if (duration_parse(arg, &ns) || ns < 1000000 || ns > 86400 * 1000000000LL)
		return wrong_use(command, "--%s: bad value \"%s\", want 1ms to 24h, like 30s",
				 option, arg);
	*ms = (uint64_t)ns / 1000000;
	return 0;
}

/* What the wrong value of an option should be; NULL: it is good. */
static const char *value_wanted(int letter, const char *arg)
{
	enum outside_hook hook;
	enum capture_how how;

	switch (letter) {
	case 'o':
		return strcmp(arg, "json") ? "want json" : NULL;
	case 'n':
		return name_is_object(arg) && name_is_label(arg) ? NULL : "want a namespace";
	case LETTER_ROOT:
		return root_name_valid(arg) ? NULL : "want 1 to 32 of a-z 0-9 . _ -";
	case LETTER_FROM:
		return caller_valid(arg) ? NULL : "want NS or NS/POD";
	case 'f':
	case LETTER_CGROUP:
	case LETTER_CONFIG:
	case LETTER_STATE:
	case LETTER_ACCESS_LOG:
		return *arg ? NULL : "want a path";
	case 'H':
		return strchr(arg, ':') ? NULL : "want NAME: VALUE";
	case LETTER_GATEWAY:
		return gateway_valid(arg) ? NULL : "want NAME or NS/NAME";
	case LETTER_NODE:
		return name_is_object(arg) ? NULL : "want the name of a Node";
	case LETTER_NODE_DEVICE:
		return node_devices_wrong(arg);
	case LETTER_NODE_ADDRESS:
		return node_addresses_wrong(arg);
	case LETTER_CAPTURE:
		return capture_how_find(arg, &how) ? NULL : "want auto, socket or tc";
	case LETTER_OUTSIDE:
		return outside_hook_find(arg, &hook) ? NULL : "want auto, native, generic, tc or off";
	case LETTER_PROXY:
	case LETTER_SPLICE:
		return strcmp(arg, "on") && strcmp(arg, "off") ? "want on or off" : NULL;
	case LETTER_LOG_FORMAT:
		return strcmp(arg, "text") && strcmp(arg, "json") ? "want text or json" : NULL;
	case LETTER_ROUTE:
		return *arg ? NULL : "want a name or an index";
	default:
		return NULL;
	}
}

/* 0, or an EXIT_ value when the value is wrong. */
static int option_set(struct options *o, const struct command *c, int letter, char *arg)
{
	switch (letter) {
	case 'f':
		if (c->options & OPT_FOLLOW)
			o->follow = true;
		else
			vec_push(&o->files, arg);
		return 0;
	case 'H': vec_push(&o->headers, arg); return 0;
	case 'o': o->json = true; return 0;
	case 'n': o->namespace = arg; return 0;
	case 'A': o->all = true; return 0;
	case 'v': o->verbose = true; return 0;
	case LETTER_CGROUP: o->cgroup = arg; return 0;
	case LETTER_LENIENT: o->lenient = true; return 0;
	case LETTER_STRICT: o->strict = true; return 0;
	case LETTER_FORCE: o->force = true; return 0;
	case LETTER_FROM: o->from = arg; return 0;
	case LETTER_GATEWAY: o->gateway = arg; return 0;
	case LETTER_ROUTE: o->route = arg; return 0;
	case LETTER_CONFIG: o->config = arg; return 0;
	case LETTER_STATE: o->state = arg; return 0;
	case LETTER_METRICS: o->metrics = arg; return 0;
	case LETTER_PROXY: o->no_proxy = !strcmp(arg, "off"); return 0;
	case LETTER_SPLICE: o->splice = !strcmp(arg, "on"); return 0;
	case LETTER_RESET: o->reset = true; return 0;
	case LETTER_NODE: o->node = arg; return 0;
	case LETTER_NODE_DEVICE: o->node_devices = arg; return 0;
	case LETTER_NODE_ADDRESS: o->node_addresses = arg; return 0;
	case LETTER_OUTSIDE: o->outside = arg; return 0;
	case LETTER_CAPTURE: o->capture = arg; return 0;
	case LETTER_ROOT: o->root = arg; return 0;
	case LETTER_ACCESS_LOG: o->access_log = arg; return 0;
	case LETTER_LOG_FORMAT: o->access_log_json = !strcmp(arg, "json"); return 0;
	case LETTER_L7_MEMORY: return memory_set(o, c->name, arg);
	case LETTER_L7_WORKERS: return workers_set(o, c->name, arg);
	case LETTER_EVERY: return every_set(o, c->name, arg);
	case LETTER_COUNT: return number_set(c->name, "count", arg, 1000000000, &o->count);
	case LETTER_OVER: return time_set(c->name, "over", arg, &o->over_ms);
	case LETTER_WITHIN: return time_set(c->name, "within", arg, &o->within_ms);
	case LETTER_NOW: o->now = true; return 0;
	case LETTER_SPLIT: return split_set(o, c->name, arg);
	default: return 0;
	}
}

/* What getopt wants, with the options of `c` alone. */
static void option_list(const struct command *c, struct option *list, char *letters)
{
	*letters++ = ':';
	for (size_t i = 0; i < NR_TABLE; i++) {
		if (!option_taken(i, c))
			continue;
		*list++ = (struct option){table[i].name, table[i].value != NULL, NULL,
					table[i].letter};
		if (table[i].letter > UCHAR_MAX)
			continue;
		*letters++ = (char)table[i].letter;
		if (table[i].value)
			*letters++ = ':';
	}
	*list = (struct option){0};
	*letters = '\0';
}

static const char *node_default(void)
{
	static char host[HOST_NAME_MAX + 1];
	const char *node = getenv("NODE_NAME");

	if (node && *node)
		return node;
	return gethostname(host, sizeof(host) - 1) ? "" : host;
}

int options_parse(struct options *o, const struct command *c, int argc, char **argv)
{
	struct option list[NR_TABLE + 1];
	char letters[2 * NR_TABLE + 2];
	const char *wanted;
	int letter, err;

	*o = (struct options){.root = "shunt", .node = node_default(), .config = "/etc/shunt", .state = "/var/lib/shunt",
			      .metrics = "127.0.0.1:15020", .every_ms = 2000};
	option_list(c, list, letters);
	opterr = 0;
	optind = 1;
	while ((letter = getopt_long(argc, argv, letters, list, NULL)) != -1) {
		if (letter == ':')
			return wrong_use(c->name, "%s wants a value", argv[optind - 1]);
		if (letter == '?')
			return wrong_use(c->name, "unknown option %s", argv[optind - 1]);
		wanted = optarg ? value_wanted(letter, optarg) : NULL;
		if (wanted)
			return wrong_use(c->name, "--%s: bad value \"%s\", %s",
					 option_of(letter, c), optarg, wanted);
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
	vec_free(&o->headers);
}
