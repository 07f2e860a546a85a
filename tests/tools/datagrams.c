// SPDX-License-Identifier: GPL-2.0
/* Test client for UDP: sends, waits for the answer, and tallies who gave it and as whom. */
#include <getopt.h>
#include <signal.h>

#include "address.h"
#include "place.h"
#include "tally.h"

static struct {
	const char *netns, *cgroup, *target;
	unsigned long sockets, each, timeout_ms;
	double duration; /* s; 0: by count */
	int connected, hold, print_sequence;
	bool mapped;
	int family;
} options = { .sockets = 1, .each = 1, .timeout_ms = 5000 };

static const char usage[] =
	"usage: datagrams [--netns NAME] [--cgroup PATH] [--count SOCKETS] [--each DATAGRAMS]\n"
	"                 [--duration S] [--timeout MS] [--family 4|6|mapped] [--connected]\n"
	"                 [--hold] [--print-sequence] HOST:PORT\n"
	"Each socket sends DATAGRAMS, one after the other is answered; with --duration one socket\n"
	"sends for so long. --connected: the socket is. --hold keeps the sockets until stdin ends.\n"
	"The last line printed is JSON: sockets by what came of them, the answers by pod and version,\n"
	"source_mismatch and peername_mismatch: what was shown instead of the address dialled; moved:\n"
	"sockets that were answered by more than one pod.\n";

static struct address dialled;
static struct tally *tally;
static unsigned long answers, source_mismatch, moved;

static enum result result_of(int err)
{
	if (err == -ECONNREFUSED)
		return RESULT_REFUSED;
	return err == -EAGAIN ? RESULT_TIMEOUT : RESULT_OTHER;
}

static int open_socket(void)
{
	struct timeval limit = { (time_t)(options.timeout_ms / 1000),
				 (suseconds_t)(options.timeout_ms % 1000 * 1000) };
	struct address peer = { .size = sizeof(peer.at) };
	int fd = socket(dialled.at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (!options.connected)
		return fd;
	if (connect(fd, (struct sockaddr *)&dialled.at, dialled.size)) {
		err = -errno;
		close(fd);
		return err;
	}
	if (getpeername(fd, (struct sockaddr *)&peer.at, &peer.size) ||
	    !address_equal(&peer, &dialled))
		tally->peername_mismatch++;
	return fd;
}

/* One datagram and its answer; the pod's name to `pod`. */
static int ask(int fd, char pod[TALLY_NAME], char version[TALLY_NAME])
{
	struct address from = { .size = sizeof(from.at) };
	char in[512];
	ssize_t n;

	if (options.connected)
		n = send(fd, "?", 1, 0);
	else
		n = sendto(fd, "?", 1, 0, (struct sockaddr *)&dialled.at, dialled.size);
	if (n < 0)
		return -errno;
	n = recvfrom(fd, in, sizeof(in) - 1, 0, (struct sockaddr *)&from.at, &from.size);
	if (n < 0)
		return -errno;
	in[n] = '\0';
	answers++;
	source_mismatch += !address_equal(&from, &dialled);
	return sscanf(in, "%79s %79s", pod, version) == 2 ? 0 : -EINVAL;
}

static void count(int err, const char *pod, const char *version)
{
	tally->results[err ? result_of(err) : RESULT_OK]++;
	tally_name(&tally->pods, pod);
	tally_name(&tally->versions, version);
	if (err)
		tally_name(&tally->errors, strerrorname_np(-err) ?: "unknown");
	if (options.print_sequence)
		printf("%s %s\n", *pod ? pod : "-", *version ? version : "-");
}

static void one_socket(uint64_t end)
{
	char first[TALLY_NAME] = "", pod[TALLY_NAME] = "", version[TALLY_NAME] = "";
	int fd = open_socket(), err = fd < 0 ? fd : 0;
	bool changed = false;

	for (unsigned long i = 0; !err && (end ? now_ns() < end : i < options.each); i++) {
		err = ask(fd, pod, version);
		changed |= *first && strcmp(first, pod) != 0;
		if (!*first)
			memcpy(first, pod, sizeof(first));
	}
	moved += changed;
	count(err, pod, version);
	if (fd >= 0 && !options.hold)
		close(fd);
}

static void print_all(uint64_t elapsed)
{
	struct buf out = { 0 };
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	tally_print(tally, elapsed, f);
	fclose(f);
	buf_printf(&out, "{\"answers\":%lu,\"source_mismatch\":%lu,\"moved\":%lu,"
			 "\"per_second\":%.1f,%s",
		   answers, source_mismatch, moved, (double)answers * 1e9 / (double)elapsed,
		   text + 1);
	fwrite(out.at, 1, out.nr, stdout);
	fflush(stdout);
	buf_free(&out);
	free(text);
}

static unsigned long read_number(const char *word)
{
	char *end;
	unsigned long n = strtoul(word, &end, 10);

	if (!n || *end)
		die(2, "datagrams: want a number above 0, not %s", word);
	return n;
}

static int read_family(const char *word)
{
	options.mapped = !strcmp(word, "mapped");
	if (!strcmp(word, "4") || options.mapped)
		return AF_INET;
	if (strcmp(word, "6"))
		die(2, "%s", usage);
	return AF_INET6;
}

static const struct option long_options[] = {
	{ "netns", 1, NULL, 'n' },   { "cgroup", 1, NULL, 'g' },
	{ "count", 1, NULL, 'c' },   { "each", 1, NULL, 'e' },
	{ "duration", 1, NULL, 'd' }, { "timeout", 1, NULL, 't' },
	{ "family", 1, NULL, 'f' },
	{ "connected", 0, &options.connected, 1 },
	{ "hold", 0, &options.hold, 1 },
	{ "print-sequence", 0, &options.print_sequence, 1 },
	{ 0 },
};

static void read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'n')
			options.netns = optarg;
		else if (c == 'g')
			options.cgroup = optarg;
		else if (c == 'c')
			options.sockets = read_number(optarg);
		else if (c == 'e')
			options.each = read_number(optarg);
		else if (c == 't')
			options.timeout_ms = read_number(optarg);
		else if (c == 'd')
			options.duration = strtod(optarg, NULL);
		else if (c == 'f')
			options.family = read_family(optarg);
		else if (c)
			die(2, "%s", usage);
	}
	if (optind != argc - 1)
		die(2, "%s", usage);
	options.target = argv[optind];
}

int main(int argc, char **argv)
{
	uint64_t start, end = 0;
	char byte;

	read_options(argc, argv);
	tally = tally_new();
	raise_nofile();
	if (options.cgroup)
		enter_cgroup(options.cgroup);
	if (options.netns)
		enter_netns(options.netns);
	if (address_find(options.target, options.family, &dialled))
		die(1, "datagrams: no address: %s", options.target);
	if (options.mapped)
		address_map(&dialled);
	start = now_ns();
	if (options.duration > 0)
		end = start + (uint64_t)(options.duration * 1e9);
	for (unsigned long i = 0; i < options.sockets; i++)
		one_socket(end);
	print_all(now_ns() - start);
	while (options.hold && read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
