// SPDX-License-Identifier: GPL-2.0
/*
 * Clients of a proxy and the servers behind it in one process, so that as little as can be is spent
 * beside the proxy. At a constant rate a latency is counted from when the request was due, so what
 * waits behind a slow answer is not left out; without a rate each answer is followed by a request.
 */
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "address.h"
#include "http.h"

#define WARM_SHARE 5 /* the first of so many parts of the answers does not count */
#define SERVERS_MAX 8
#define DRAIN_NS 5000000000u /* for the answers that are missing at the end */

enum kind { KIND_LISTENER, KIND_SERVED, KIND_CLIENT };

struct connection {
	int fd;
	enum kind kind;
	bool waits; /* for an answer */
	uint64_t due;
	struct buf in;
};

static struct {
	unsigned long connections;
	double rate, duration; /* rate 0: as fast as the answers come */
	const char *path, *target, *servers[SERVERS_MAX];
	size_t nr_servers;
	struct buf headers;
} options = {.connections = 64, .duration = 1, .path = "/"};

static const char answer[] = "HTTP/1.1 200 OK\r\nserver: load\r\n"
			     "date: Sat, 21 Nov 2026 10:00:00 GMT\r\ncontent-type: text/plain\r\n"
			     "content-length: 6\r\n\r\nhello\n";
static struct buf request;
static uint64_t start, end;
static struct {
	uint64_t *at; /* ns, in the order of the answers */
	size_t nr, cap;
} latencies;
static unsigned long missing; /* answers */
static int epoll;

static void send_all(const struct connection *c, const void *bytes, size_t size)
{
	if (send(c->fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size && c->kind == KIND_CLIENT)
		die(1, "load: send: %m");
}

static void request_send(struct connection *c, uint64_t due)
{
	c->due = due;
	c->waits = true;
	missing++;
	send_all(c, request.at, request.nr);
}

static void latency_add(uint64_t ns)
{
	if (latencies.nr == latencies.cap) {
		latencies.cap = latencies.cap ? latencies.cap * 2 : 1 << 16;
		latencies.at = realloc(latencies.at, latencies.cap * sizeof(*latencies.at));
		if (!latencies.at)
			die(1, "load: out of memory");
	}
	latencies.at[latencies.nr++] = ns;
}

/* Bytes of the whole answer at the front of the buffer; 0: not all there. */
static size_t answer_size(const struct buf *in)
{
	const char *stop = in->nr ? memmem(in->at, in->nr, "\r\n\r\n", 4) : NULL, *length;
	size_t size;

	if (!stop)
		return 0;
	if (strncmp(in->at, "HTTP/1.1 200", 12))
		die(1, "load: %.*s", (int)strcspn(in->at, "\r\n"), in->at);
	length = strcasestr(in->at, "\r\ncontent-length:");
	if (!length || length > stop)
		die(1, "load: an answer without Content-Length");
	size = (size_t)(stop + 4 - in->at) + strtoul(length + 17, NULL, 10);
	return in->nr >= size ? size : 0;
}

static void client_read(struct connection *c)
{
	uint64_t now;

	if (!answer_size(&c->in))
		return;
	c->in.nr = 0;
	c->waits = false;
	missing--;
	now = now_ns();
	latency_add(now - c->due);
	if (options.rate > 0)
		c->due += (uint64_t)((double)options.connections * 1e9 / options.rate);
	if (now < end && (options.rate > 0 ? c->due <= now : true))
		request_send(c, options.rate > 0 ? c->due : now);
}

static void server_read(struct connection *c)
{
	if (c->in.nr < 4 || memcmp(c->in.at + c->in.nr - 4, "\r\n\r\n", 4))
		return;
	c->in.nr = 0;
	send_all(c, answer, sizeof(answer) - 1);
}

static struct connection *connection_add(int fd, enum kind kind)
{
	struct connection *c = calloc(1, sizeof(*c));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	int one = 1;

	if (!c || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		die(1, "load: epoll: %m");
	if (kind != KIND_LISTENER)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->fd = fd;
	c->kind = kind;
	return c;
}

static void connection_ready(struct connection *c)
{
	char bytes[16384];
	ssize_t n;

	if (c->kind == KIND_LISTENER) {
		int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			connection_add(fd, KIND_SERVED);
		return;
	}
	n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 && c->kind == KIND_CLIENT)
		die(1, "load: a connection ended: %s", n ? strerror(errno) : "closed");
	if (n <= 0) {
		close(c->fd);
		buf_free(&c->in);
		free(c);
		return;
	}
	buf_add(&c->in, bytes, (size_t)n);
	if (c->kind == KIND_CLIENT)
		client_read(c);
	else
		server_read(c);
}

static void wait_events(uint64_t ns)
{
	struct timespec wait = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
	struct epoll_event events[256];
	int n = epoll_pwait2(epoll, events, 256, &wait, NULL);

	for (int i = 0; i < n; i++)
		connection_ready(events[i].data.ptr);
}

/* Requests are due one after the other, each on the next connection. */
static void run(struct connection *const *clients)
{
	uint64_t now = start, due = start;
	unsigned long next = 0;

	while (now < end) {
		for (; due <= now && due < end && options.rate > 0;
		     due = start + (uint64_t)((double)next * 1e9 / options.rate)) {
			struct connection *c = clients[next++ % options.connections];

			if (!c->waits && c->due <= now)
				request_send(c, c->due);
		}
		wait_events(options.rate > 0 && due < end ? due - now : end - now);
		now = now_ns();
	}
	while (missing && now < end + DRAIN_NS) {
		wait_events(end + DRAIN_NS - now);
		now = now_ns();
	}
	if (missing)
		die(1, "load: %lu answers are missing", missing);
}

static int order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void print(double seconds)
{
	size_t from = latencies.nr / WARM_SHARE, nr = latencies.nr - from;
	uint64_t *sorted = latencies.at + from;

	if (!nr)
		die(1, "load: no answers");
	qsort(sorted, nr, sizeof(*sorted), order);
	printf("{\"requests\":%zu,\"seconds\":%.6f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
	       "\"p999_us\":%.1f,\"max_us\":%.1f}\n",
	       latencies.nr, seconds, (double)sorted[nr / 2] / 1e3,
	       (double)sorted[nr * 99 / 100] / 1e3, (double)sorted[nr * 999 / 1000] / 1e3,
	       (double)sorted[nr - 1] / 1e3);
}

static const char usage[] =
	"usage: load [--connections N] [--rate R] [--duration S] [--http /PATH] [--header 'K: V']...\n"
	"            [--serve ADDRESS:PORT]... HOST:PORT\n"
	"R requests a second over all connections, else as many as are answered; prints their number\n"
	"and latencies as JSON. --serve answers what the proxy passes on.\n";

static const struct option long_options[] = {
	{"connections", 1, NULL, 'c'}, {"rate", 1, NULL, 'r'},	 {"duration", 1, NULL, 'd'},
	{"http", 1, NULL, 'h'},	       {"header", 1, NULL, 'H'}, {"serve", 1, NULL, 's'},
	{0},
};

static void read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'c')
			options.connections = strtoul(optarg, NULL, 10);
		else if (c == 'r')
			options.rate = strtod(optarg, NULL);
		else if (c == 'd')
			options.duration = strtod(optarg, NULL);
		else if (c == 'h')
			options.path = optarg;
		else if (c == 'H')
			buf_printf(&options.headers, "%s\r\n", optarg);
		else if (c == 's' && options.nr_servers < SERVERS_MAX)
			options.servers[options.nr_servers++] = optarg;
		else
			die(2, "%s", usage);
	}
	if (optind != argc - 1 || !options.connections)
		die(2, "%s", usage);
	options.target = argv[optind];
}

static void listen_on(const char *text)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct address a;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address_find(text, AF_INET, &a) || bind(fd, (struct sockaddr *)&a.at, a.size) ||
	    listen(fd, 4096))
		die(1, "load: listen on %s: %m", text);
	connection_add(fd, KIND_LISTENER);
}

static struct connection **clients_open(void)
{
	struct connection **clients = calloc(options.connections, sizeof(*clients));
	struct address to;

	if (!clients || address_find(options.target, AF_UNSPEC, &to))
		die(1, "load: no address: %s", options.target);
	for (unsigned long i = 0; i < options.connections; i++) {
		int fd = socket(to.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (const struct sockaddr *)&to.at, to.size))
			die(1, "load: connect: %m");
		clients[i] = connection_add(fd, KIND_CLIENT);
	}
	return clients;
}

int main(int argc, char **argv)
{
	struct connection **clients;

	read_options(argc, argv);
	raise_nofile();
	prctl(PR_SET_TIMERSLACK, 1);
	signal(SIGPIPE, SIG_IGN);
	buf_printf(&request, "GET %s HTTP/1.1\r\nhost: %s\r\n%s\r\n", options.path, options.target,
		   options.headers.nr ? options.headers.at : "");
	epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < options.nr_servers; i++)
		listen_on(options.servers[i]);
	clients = clients_open();
	start = now_ns();
	end = start + (uint64_t)(options.duration * 1e9);
	for (unsigned long i = 0; i < options.connections; i++) {
		clients[i]->due = start;
		if (options.rate > 0)
			clients[i]->due += (uint64_t)((double)i * 1e9 / options.rate);
		else
			request_send(clients[i], start);
	}
	run(clients);
	print((double)(now_ns() - start) / 1e9);
	free(clients);
	return 0;
}
