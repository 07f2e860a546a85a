// SPDX-License-Identifier: GPL-2.0
/* Test client: makes connections, as many and as fast as asked, and tallies what came of them. */
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "address.h"
#include "http.h"
#include "options.h"
#include "place.h"
#include "tally.h"

static struct tally *tally;
static struct address dialled;
static struct buf request;
static uint64_t start;
static int log_fd = -1;
static volatile sig_atomic_t holding; /* all is printed; what is open waits for its end */

struct outcome {
	uint64_t begin, connect_ns, end;
	enum result result;
	int error; /* errno of a failure; 0 else */
	char pod[TALLY_NAME], version[TALLY_NAME], status[8];
	bool mismatch;
};

static enum result result_of(int err)
{
	switch (err) {
	case -ECONNREFUSED:
		return RESULT_REFUSED;
	case -ETIMEDOUT:
	case -EAGAIN:
	case -EINPROGRESS: /* SO_SNDTIMEO ran out in connect() */
		return RESULT_TIMEOUT;
	case -ECONNRESET:
	case -EPIPE:
		return RESULT_RESET;
	}
	return RESULT_OTHER;
}

static int wait_connected(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int n, err = 0;

	do
		n = poll(&p, 1, (int)options.timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n ? -errno : -ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size);
	return -err;
}

/* A connected, blocking socket, or -errno. */
static int open_connection(struct outcome *o)
{
	struct timeval limit = { (time_t)(options.timeout_ms / 1000),
				 (suseconds_t)(options.timeout_ms % 1000 * 1000) };
	int off = 0, err, fd;

	fd = socket(dialled.at.ss_family,
		    SOCK_STREAM | SOCK_CLOEXEC | (options.nonblocking ? SOCK_NONBLOCK : 0), 0);
	if (fd < 0)
		return -errno;
	if (options.mapped)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	o->begin = now_ns();
	err = connect(fd, (struct sockaddr *)&dialled.at, dialled.size) ? -errno : 0;
	if (options.nonblocking && err == -EINPROGRESS)
		err = wait_connected(fd);
	o->connect_ns = now_ns() - o->begin;
	if (err) {
		close(fd);
		return err;
	}
	if (options.nonblocking)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

static void check_peername(int fd, struct outcome *o)
{
	struct address peer = { .size = sizeof(peer.at) };

	if (options.check_peername)
		o->mismatch = getpeername(fd, (struct sockaddr *)&peer.at, &peer.size) ||
			      !address_equal(&peer, &dialled);
}

/* The value of the first "key":"…" in the answer. */
static void json_value(const struct buf *body, const char *key, char out[TALLY_NAME])
{
	char wanted[32];
	const char *at;

	snprintf(wanted, sizeof(wanted), "\"%s\":\"", key);
	at = body->nr ? strstr(body->at, wanted) : NULL;
	if (at)
		snprintf(out, TALLY_NAME, "%.*s", (int)strcspn(at + strlen(wanted), "\""),
			 at + strlen(wanted));
}

static int talk_http(int fd, struct outcome *o)
{
	struct buf body = { 0 };
	int status = http_call(fd, &request, &body);

	if (status >= 0) {
		json_value(&body, "pod", o->pod);
		json_value(&body, "version", o->version);
		snprintf(o->status, sizeof(o->status), "%d", status % 1000);
	}
	buf_free(&body);
	return status < 0 ? status : 0;
}

/* The line "POD VERSION PEER". */
static int read_greeting(int fd, struct outcome *o)
{
	struct buf line = { 0 };
	int err = 0;

	while (!err && (!line.nr || !memchr(line.at, '\n', line.nr)))
		err = http_receive(fd, &line);
	if (!err && sscanf(line.at, "%79s %79s", o->pod, o->version) != 2)
		err = -EINVAL;
	buf_free(&line);
	return err == 1 ? -ECONNRESET : err;
}

static void account(const struct outcome *o)
{
	pthread_mutex_lock(&tally->lock);
	tally->results[o->result]++;
	tally->peername_mismatch += o->mismatch;
	if (o->connect_ns / 1000 > tally->max_connect_us)
		tally->max_connect_us = o->connect_ns / 1000;
	tally_name(&tally->pods, o->pod);
	tally_name(&tally->versions, o->version);
	tally_name(&tally->statuses, o->status);
	if (o->error)
		tally_name(&tally->errors, strerrorname_np(o->error) ?: "unknown");
	if (options.print_sequence) {
		printf("%s %s\n", *o->pod ? o->pod : "-",
		       *o->version ? o->version : result_names[o->result]);
		fflush(stdout);
	}
	if (log_fd >= 0)
		dprintf(log_fd, "%lu %lu %s %s %s\n", (unsigned long)o->begin,
			(unsigned long)o->end, result_names[o->result], *o->pod ? o->pod : "-",
			*o->version ? o->version : "-");
	pthread_mutex_unlock(&tally->lock);
}

static void one_connection(void)
{
	struct linger reset = { 1, 0 };
	struct outcome o = { 0 };
	int err = 0, fd = open_connection(&o);

	if (fd < 0) {
		err = fd;
	} else {
		check_peername(fd, &o);
		err = options.path ? talk_http(fd, &o) : read_greeting(fd, &o);
	}
	o.result = err ? result_of(err) : RESULT_OK;
	o.error = -err;
	o.end = now_ns();
	if (fd >= 0 && options.abort)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (fd >= 0 && (!options.hold || err))
		close(fd);
	account(&o);
}

/* Waits for the connection's turn; false: it is not to be made. */
static bool wait_turn(unsigned long number)
{
	uint64_t due = start, end = start + (uint64_t)(options.duration * 1e9);
	struct timespec t;

	if (options.count && number >= options.count)
		return false;
	if (options.rate > 0)
		due += (uint64_t)((double)number * 1e9 / options.rate);
	if (options.duration > 0 && (due >= end || now_ns() >= end))
		return false;
	t.tv_sec = (time_t)(due / 1000000000u);
	t.tv_nsec = (long)(due % 1000000000u);
	while (due > now_ns() && !tally->stop)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	return !tally->stop;
}

static void *caller(void *unused)
{
	(void)unused;
	while (wait_turn(atomic_fetch_add(&tally->next, 1)))
		one_connection();
	return NULL;
}

static void run_callers(void)
{
	pthread_t *threads = calloc(options.parallel, sizeof(*threads));
	pthread_attr_t attr;

	if (!threads)
		die(1, "out of memory");
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 * 1024);
	for (unsigned long i = 0; i < options.parallel; i++)
		if (pthread_create(&threads[i], &attr, caller, NULL))
			die(1, "client: cannot make %lu threads", options.parallel);
	for (unsigned long i = 0; i < options.parallel; i++)
		pthread_join(threads[i], NULL);
	pthread_attr_destroy(&attr);
	free(threads);
}

/* Keeps what is open until nobody writes to `fd` any more. */
static void wait_closed(int fd)
{
	char byte[64];
	ssize_t n;

	do
		n = read(fd, byte, sizeof(byte));
	while (n > 0 || (n < 0 && errno == EINTR));
}

/* Works, tells the parent by a byte, and holds until the parent's end of `release` goes. */
static void run_child(int done, int release)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run_callers();
	if (write(done, "", 1) == 1 && options.hold)
		wait_closed(release);
	_exit(0);
}

static int fork_children(int *release)
{
	int done[2], hold[2], nr = 0;
	char byte;

	if (pipe2(done, O_CLOEXEC) || pipe2(hold, O_CLOEXEC))
		die(1, "client: pipe: %m");
	for (unsigned long i = 0; i < options.procs; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die(1, "client: fork: %m");
		if (!pid) {
			close(hold[1]);
			close(done[0]);
			run_child(done[1], hold[0]);
		}
	}
	close(done[1]);
	close(hold[0]);
	while ((unsigned long)nr < options.procs && read(done[0], &byte, 1) == 1)
		nr++;
	*release = hold[1];
	return (unsigned long)nr == options.procs ? 0 : -ECHILD;
}

static void on_term(int signal)
{
	(void)signal;
	tally->stop = true;
	if (holding)
		_exit(0);
}

static void prepare(void)
{
	bool has_host = options.headers.nr && strcasestr(options.headers.at, "host:");

	raise_nofile();
	if (options.cgroup)
		enter_cgroup(options.cgroup);
	if (options.netns)
		enter_netns(options.netns);
	if (address_find(options.target, options.family, &dialled))
		die(1, "client: no address: %s", options.target);
	if (options.mapped)
		address_map(&dialled);
	if (options.log)
		log_fd = open(options.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (options.log && log_fd < 0)
		die(1, "client: %s: %m", options.log);
	if (!options.path)
		return;
	buf_printf(&request, "GET %s HTTP/1.1\r\n", options.path);
	if (!has_host)
		buf_printf(&request, "host: %s\r\n", options.target);
	buf_printf(&request, "%s%s\r\n", options.headers.nr ? options.headers.at : "",
		   options.hold ? "" : "connection: close\r\n");
}

int main(int argc, char **argv)
{
	struct sigaction term = { .sa_handler = on_term };
	int release = -1, err = 0;

	read_options(argc, argv);
	tally = tally_new();
	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGINT, &term, NULL);
	signal(SIGPIPE, SIG_IGN);
	prepare();
	start = now_ns();
	if (options.procs == 1)
		run_callers();
	else
		err = fork_children(&release);
	tally_print(tally, now_ns() - start, stdout);
	holding = 1;
	if (options.hold && !tally->stop)
		wait_closed(STDIN_FILENO);
	if (release >= 0)
		close(release);
	while (wait(NULL) > 0)
		;
	if (err)
		die(1, "client: a process of it died");
	return 0;
}
