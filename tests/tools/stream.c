// SPDX-License-Identifier: GPL-2.0
/*
 * Streams of known bytes both ways over connections, sent in every way there is, each byte checked.
 * A byte that is wrong, missing or left over ends the program with status 1.
 */
#include <getopt.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>

#include "end.h"
#include "place.h"

static struct {
	const char *netns, *cgroup;
	unsigned long connections;
	struct order order;
	int serve;
} options = { .connections = 1, .order = { .magic = MAGIC, .up = 1 << 20, .down = 1 << 20 } };

static void read_whole(int fd, void *into, size_t nr)
{
	for (size_t got = 0; got < nr;) {
		ssize_t n = recv(fd, (char *)into + got, nr - got, 0);

		if (n <= 0)
			die(1, "stream: ended after %zu of %zu bytes: %m", got, nr);
		got += n;
	}
}

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct order order;

	read_whole(fd, &order, sizeof(order));
	if (order.magic != MAGIC || order.sender >= NR_SENDERS || order.waits >= NR_WAITS)
		die(1, "stream: not an order");
	play(fd, &order, false);
	return NULL;
}

static void thread_start(pthread_t *t, void *(*run)(void *), void *arg)
{
	if (pthread_create(t, NULL, run, arg))
		die(1, "stream: no thread");
}

static void serve(const struct address *at)
{
	int fd, one = 1, zero = 0, listener = socket(at->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pthread_t t;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (listener < 0 || bind(listener, (const struct sockaddr *)&at->at, at->size) ||
	    listen(listener, 1024))
		die(1, "stream: %m");
	puts("ready");
	fflush(stdout);
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		thread_start(&t, serve_one, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
}

static void *call_one(void *arg)
{
	const struct address *to = arg;
	int fd = socket(to->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to->at, to->size))
		die(1, "stream: connect: %m");
	if (send(fd, &options.order, sizeof(options.order), MSG_NOSIGNAL) != sizeof(options.order))
		die(1, "stream: sending: %m");
	play(fd, &options.order, true);
	return NULL;
}

static void call(struct address *to)
{
	pthread_t *threads = calloc(options.connections, sizeof(*threads));
	uint64_t begin = now_ns();

	if (!threads)
		die(1, "stream: out of memory");
	for (size_t i = 0; i < options.connections; i++)
		thread_start(&threads[i], call_one, to);
	for (size_t i = 0; i < options.connections; i++)
		pthread_join(threads[i], NULL);
	printf("{\"bytes\": %lu, \"seconds\": %.6f}\n",
	       options.connections * (options.order.up + options.order.down),
	       (now_ns() - begin) / 1e9);
	free(threads);
}

static uint32_t word_find(const char *const *words, size_t nr, const char *word)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(words[i], word))
			return i;
	die(2, "stream: no such way: %s", word);
	return 0;
}

static const struct option long_options[] = {
	{ "serve", 0, &options.serve, 1 }, { "netns", 1, NULL, 'n' }, { "cgroup", 1, NULL, 'g' },
	{ "sender", 1, NULL, 's' },	   { "waits", 1, NULL, 'w' }, { "up", 1, NULL, 'u' },
	{ "down", 1, NULL, 'd' },	   { "block", 1, NULL, 'b' }, { "delay-us", 1, NULL, 'D' },
	{ "connections", 1, NULL, 'c' },   { "mapped", 0, NULL, 'm' },
	{ "unchecked", 0, NULL, 'x' },	   { 0 },
};

static void option_read(int c, bool *mapped)
{
	struct order *o = &options.order;

	switch (c) {
	case 'n': options.netns = optarg; break;
	case 'g': options.cgroup = optarg; break;
	case 's': o->sender = word_find(senders, NR_SENDERS, optarg); break;
	case 'w': o->waits = word_find(waits, NR_WAITS, optarg); break;
	case 'u': o->up = strtoul(optarg, NULL, 0); break;
	case 'd': o->down = strtoul(optarg, NULL, 0); break;
	case 'b': o->block = strtoul(optarg, NULL, 0); break;
	case 'D': o->delay_us = strtoul(optarg, NULL, 0); break;
	case 'c': options.connections = strtoul(optarg, NULL, 0); break;
	case 'm': *mapped = true; break;
	case 'x': o->unchecked = 1; break;
	case 0: break;
	default:
		die(2, "usage: stream [--serve] [--netns NAME] [--cgroup PATH]\n"
		       "              [--sender send|writev|sendfile|splice|more] [--waits poll|edge|block]\n"
		       "              [--up BYTES] [--down BYTES] [--block BYTES] [--delay-us N]\n"
		       "              [--connections N] [--mapped] [--unchecked] ADDRESS:PORT\n"
		       "--serve at [::] accepts IPv4 too.\n");
	}
}

int main(int argc, char **argv)
{
	struct address at;
	bool mapped = false;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		option_read(c, &mapped);
	if (optind != argc - 1 || options.order.block > PERIOD)
		option_read('?', &mapped);
	if (options.cgroup)
		enter_cgroup(options.cgroup);
	if (options.netns)
		enter_netns(options.netns);
	if (address_find(argv[optind], AF_UNSPEC, &at))
		die(2, "stream: no address: %s", argv[optind]);
	if (mapped)
		address_map(&at);
	pattern_make();
	signal(SIGPIPE, SIG_IGN);
	if (options.serve)
		serve(&at);
	else
		call(&at);
	return 0;
}
