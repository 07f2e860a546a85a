// SPDX-License-Identifier: GPL-2.0
/*
 * Connections without end that end in every way a socket can: closed, reset, shut down by halves,
 * abandoned while they connect, given up, dialled again, and with a process that is killed.
 */
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "address.h"
#include "options.h"
#include "place.h"

#define OPEN_MOST 24   /* a process has at most so many */
#define TARGETS_MOST 64
#define KILL_EVERY 400 /* connections, about, of a process that is killed then */

static const char churn_usage[] =
	"usage: churn [--netns NAME] [--cgroup PATH] [--procs K] --count N HOST:PORT...\n"
	"Makes N connections to targets at random and ends each in a way at random; every now and\n"
	"then one of the K processes is killed with all it has. Prints how many connects there were\n"
	"and what came of them as JSON.\n";

/* What the processes share. */
static struct shared {
	unsigned long dialled, connected, failed, pending, killed;
} *shared;

static struct address targets[TARGETS_MOST];
static size_t nr_targets;
static int fds[OPEN_MOST];
static uint64_t state; /* of the random numbers */

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 32) % n;
}

static void linger_zero(int fd)
{
	struct linger l = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

/* False: it was refused there and then. */
static bool dial(int fd)
{
	const struct address *to = &targets[below((unsigned)nr_targets)];
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int err = 0, wait_ms = below(8) ? 20 : 0; /* else it is abandoned at once */
	socklen_t size = sizeof(err);

	__atomic_fetch_add(&shared->dialled, 1, __ATOMIC_RELAXED);
	if (!connect(fd, (const struct sockaddr *)&to->at, to->size)) {
		__atomic_fetch_add(&shared->connected, 1, __ATOMIC_RELAXED);
		return true;
	}
	if (errno != EINPROGRESS) {
		__atomic_fetch_add(&shared->failed, 1, __ATOMIC_RELAXED);
		return false;
	}
	if (poll(&p, 1, wait_ms) == 0) {
		__atomic_fetch_add(&shared->pending, 1, __ATOMIC_RELAXED);
		return true;
	}
	if (!getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) && !err && p.revents)
		__atomic_fetch_add(&shared->connected, 1, __ATOMIC_RELAXED);
	else
		__atomic_fetch_add(&shared->failed, 1, __ATOMIC_RELAXED);
	return true;
}

/* Only asks how the last connect went, unless the socket has let go of its peer before. */
static void dial_again(int fd)
{
	const struct address *to = &targets[below((unsigned)nr_targets)];
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

	if (below(2))
		connect(fd, (const struct sockaddr *)&to->at, to->size);
	else if (!connect(fd, &nowhere, sizeof(nowhere)))
		dial(fd);
}

static void read_all(int fd)
{
	char buffer[256];

	while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		;
}

static void end(int fd)
{
	switch (below(7)) {
	case 0:
		linger_zero(fd);
		break;
	case 1:
		shutdown(fd, SHUT_WR);
		read_all(fd);
		break;
	case 2:
		shutdown(fd, SHUT_RD);
		break;
	case 3:
		shutdown(fd, SHUT_RDWR);
		break;
	case 4:
		dial_again(fd);
		break;
	case 5:
		send(fd, "bye", 3, MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	default: /* what was not read makes a reset of the close */
		if (below(2))
			read_all(fd);
	}
	close(fd);
}

static void turn(void)
{
	unsigned at = below(OPEN_MOST);
	int one = 1;

	if (fds[at])
		end(fds[at]);
	fds[at] = socket(targets[0].at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fds[at] < 0)
		die(1, "churn: socket: %m");
	setsockopt(fds[at], SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!dial(fds[at])) {
		close(fds[at]);
		fds[at] = 0;
	}
}

static void run(uint64_t seed)
{
	unsigned life;

	state = seed * 0x9e3779b97f4a7c15u + 1;
	life = KILL_EVERY + below(KILL_EVERY);
	while (__atomic_load_n(&shared->dialled, __ATOMIC_RELAXED) < options.count && life--)
		turn();
	if (life + 1)
		exit(0);
	__atomic_fetch_add(&shared->killed, 1, __ATOMIC_RELAXED);
	raise(SIGKILL);
}

static pid_t begin(void)
{
	static uint64_t seed;
	pid_t pid = fork();

	seed++;
	if (pid < 0)
		die(1, "churn: fork: %m");
	if (!pid)
		run(seed + now_ns());
	return pid;
}

static void targets_read(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct address *to = &targets[nr_targets];

		if (nr_targets == TARGETS_MOST || address_find(argv[i], AF_UNSPEC, to))
			die(2, "%s", churn_usage);
		if (to->at.ss_family == AF_INET)
			address_map(to); /* sockets are of one family, and dial both */
		nr_targets++;
	}
	if (!nr_targets)
		die(2, "%s", churn_usage);
}

int main(int argc, char **argv)
{
	int first = 1;

	while (first < argc && !strncmp(argv[first], "--", 2))
		first += 2;
	if (first >= argc)
		die(2, "%s", churn_usage);
	targets_read(argc - first + 1, argv + first - 1);
	read_options(first + 1, argv); /* its target is the first of ours */
	raise_nofile();
	if (options.cgroup)
		enter_cgroup(options.cgroup);
	if (options.netns)
		enter_netns(options.netns);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die(1, "churn: %m");
	for (unsigned long i = 0; i < options.procs; i++)
		begin();
	while (wait(NULL) > 0)
		if (shared->dialled < options.count)
			begin();
	printf("{\"dialled\": %lu, \"connected\": %lu, \"failed\": %lu, \"pending\": %lu, "
	       "\"killed\": %lu}\n", shared->dialled, shared->connected, shared->failed,
	       shared->pending, shared->killed);
	return 0;
}
