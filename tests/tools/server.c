// SPDX-License-Identifier: GPL-2.0
/* Test server: one process plays one pod; its listeners, its loop and its options. */
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>

#include "conn.h"

#define MAX_LISTENERS 64

struct listener {
	const char *text;
	int fd;
	bool raw, datagrams;
};

static struct listener listeners[MAX_LISTENERS];
static size_t nr_listeners;
static const char *pidfile;
static bool all_raw, all_datagrams, dual, daemonize;

static bool is_listener(const void *source)
{
	return source >= (const void *)listeners &&
	       source < (const void *)(listeners + nr_listeners);
}

static void accept_all(const struct listener *l)
{
	struct address peer = { .size = sizeof(peer.at) };
	int fd, one = 1;
	struct conn *c;

	while ((fd = accept4(l->fd, (struct sockaddr *)&peer.at, &peer.size,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		c = calloc(1, sizeof(*c));
		if (!c)
			die(1, "out of memory");
		c->fd = fd;
		c->raw = l->raw;
		c->last = l->raw && role.close_after_greeting;
		c->peer = peer;
		c->local.size = sizeof(c->local.at);
		getsockname(fd, (struct sockaddr *)&c->local.at, &c->local.size);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		stats.accepted++;
		stats.open++;
		if (stats.open > stats.max_open)
			stats.max_open = stats.open;
		if (c->raw)
			conn_greet(c);
		conn_watch(c, EPOLL_CTL_ADD);
		peer.size = sizeof(peer.at);
	}
}

/* Each datagram is answered by the line that TCP is greeted with. */
static void answer_all(const struct listener *l)
{
	char text[ADDRESS_TEXT], in[2048], out[512];
	struct address peer = { .size = sizeof(peer.at) };
	int n;

	while (recvfrom(l->fd, in, sizeof(in), 0, (struct sockaddr *)&peer.at, &peer.size) >= 0) {
		n = snprintf(out, sizeof(out), "%s %s %s\n", role.name,
			     *role.version ? role.version : "-", address_print(&peer, text));
		sendto(l->fd, out, (size_t)n, 0, (struct sockaddr *)&peer.at, peer.size);
		peer.size = sizeof(peer.at);
	}
}

static void serve(void)
{
	struct epoll_event events[256];

	for (;;) {
		int n = epoll_wait(epoll, events, 256, delayed_wait());

		for (int i = 0; i < n; i++) {
			void *source = events[i].data.ptr;

			if (is_listener(source) && ((struct listener *)source)->datagrams)
				answer_all(source);
			else if (is_listener(source))
				accept_all(source);
			else if (events[i].events & (EPOLLERR | EPOLLHUP))
				conn_close(source);
			else
				conn_go(source, events[i].events & EPOLLIN);
		}
		delayed_go();
	}
}

static void listen_on(struct listener *l)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = l };
	struct address a;
	int one = 1;

	if (address_find(l->text, AF_UNSPEC, &a))
		die(2, "server: no address: %s", l->text);
	l->fd = socket(a.at.ss_family,
		       (l->datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		die(1, "server: socket for %s: %m", l->text);
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a.at.ss_family == AF_INET6 && !dual)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(l->fd, (struct sockaddr *)&a.at, a.size) || (!l->datagrams && listen(l->fd, 4096)))
		die(1, "server: listen on %s: %m", l->text);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, l->fd, &event))
		die(1, "server: epoll: %m");
	l->raw = l->raw || all_raw;
}

/* The file appears whole, and only when every listener accepts. */
static void write_pidfile(pid_t pid)
{
	char temporary[4096];
	FILE *f;

	if (!pidfile)
		return;
	snprintf(temporary, sizeof(temporary), "%s.new", pidfile);
	f = fopen(temporary, "w");
	if (!f || fprintf(f, "%d\n", pid) < 0 || fclose(f) || rename(temporary, pidfile))
		die(1, "server: %s: %m", pidfile);
}

/* The parent ends here, when the child already accepts. */
static void go_to_background(void)
{
	pid_t pid = fork();
	int null;

	if (pid < 0)
		die(1, "server: fork: %m");
	if (pid > 0) {
		write_pidfile(pid);
		_exit(0);
	}
	setsid();
	null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
}

static void on_term(int signal)
{
	(void)signal;
	_exit(0);
}

static void add_listener(const char *text, bool raw)
{
	if (nr_listeners == MAX_LISTENERS)
		die(2, "server: more than %d listeners", MAX_LISTENERS);
	listeners[nr_listeners++] = (struct listener){ .text = text, .fd = -1, .raw = raw };
}

static void add_datagrams(const char *text)
{
	add_listener(text, false);
	listeners[nr_listeners - 1].datagrams = true;
}

/* UDP beside TCP, on the same addresses and ports. */
static void double_listeners(void)
{
	size_t nr = nr_listeners;

	for (size_t i = 0; i < nr; i++)
		if (!listeners[i].datagrams)
			add_datagrams(listeners[i].text);
}

static void open_log(const char *path)
{
	role.log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (role.log < 0)
		die(1, "server: %s: %m", path);
}

static void add_call(const char *url)
{
	if (role.calls.nr == CHAIN_MAX_CALLS)
		die(2, "server: more than %d calls", CHAIN_MAX_CALLS);
	snprintf(role.calls.url[role.calls.nr++], sizeof(role.calls.url[0]), "%s", url);
}

static const char usage[] =
	"usage: server [--name POD] [--version V] --listen ADDR:PORT ... [--tcp [ADDR:PORT]] ...\n"
	"              [--udp [ADDR:PORT]] ... [--call URL] ... [--half-close]\n"
	"              [--close-after-greeting] [--dual]\n"
	"              [--log FILE] [--pidfile FILE] [--daemon]\n"
	"--listen speaks HTTP; --tcp ADDR:PORT greets with a line and echoes, --tcp alone makes all\n"
	"listeners do so. --udp ADDR:PORT answers each datagram with that line, --udp alone on all\n"
	"addresses beside TCP. --half-close keeps sending after the client's FIN. --call is made for each\n"
	"plain request. --dual: [::] takes IPv4 too. --daemon returns once connections are accepted.\n"
	"A line of the log: CLOCK_MONOTONIC ns, x-envoy-attempt-count or -, status, method, target.\n"
	"paths: /hold /status?code= /fail?rate= /fail-randomly?rate= /fail-first?k=&id=\n"
	"       /chain?url=&url= /stats; any: ms=\n";

static const struct option long_options[] = {
	{ "name", 1, NULL, 'n' },	{ "version", 1, NULL, 'v' },
	{ "listen", 1, NULL, 'l' },	{ "tcp", 2, NULL, 't' },
	{ "udp", 2, NULL, 'u' },
	{ "call", 1, NULL, 'c' },	{ "half-close", 0, NULL, 'h' },
	{ "dual", 0, NULL, 'd' },	{ "close-after-greeting", 0, NULL, 'g' },
	{ "pidfile", 1, NULL, 'p' },	{ "daemon", 0, NULL, 'D' },
	{ "log", 1, NULL, 'L' },	{ 0 },
};

static void read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'n')
			role.name = optarg;
		else if (c == 'v')
			role.version = optarg;
		else if (c == 'l')
			add_listener(optarg, false);
		else if (c == 't' && (optarg || (optind < argc && argv[optind][0] != '-')))
			add_listener(optarg ? optarg : argv[optind++], true);
		else if (c == 't')
			all_raw = true;
		else if (c == 'u' && (optarg || (optind < argc && argv[optind][0] != '-')))
			add_datagrams(optarg ? optarg : argv[optind++]);
		else if (c == 'u')
			all_datagrams = true;
		else if (c == 'c')
			add_call(optarg);
		else if (c == 'h')
			role.half_close = true;
		else if (c == 'g')
			role.close_after_greeting = true;
		else if (c == 'd')
			dual = true;
		else if (c == 'L')
			open_log(optarg);
		else if (c == 'p')
			pidfile = optarg;
		else if (c == 'D')
			daemonize = true;
		else
			die(2, "%s", usage);
	}
	if (optind < argc || !nr_listeners)
		die(2, "%s", usage);
	if (all_datagrams)
		double_listeners();
}

int main(int argc, char **argv)
{
	read_options(argc, argv);
	raise_nofile();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_term);
	signal(SIGINT, on_term);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		die(1, "server: epoll: %m");
	for (size_t i = 0; i < nr_listeners; i++)
		listen_on(&listeners[i]);
	if (daemonize)
		go_to_background();
	else
		write_pidfile(getpid());
	serve();
}
