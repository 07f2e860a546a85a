// SPDX-License-Identifier: GPL-2.0
/* A process of the L7 proxy: started in the proxy's cgroup, spoken to, watched until it ends. */
#include "agent/proxy_child.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "agent/agent.h"
#include "base/log.h"

#define NOBODY "65534"
#define TAKE_MS 2000		/* to take a table, also in a process that starts */
#define SEND_MS 1000		/* a process that reads nothing for so long is ended, */
#define SEND_SIZE (4 << 20)	/* once so many bytes wait: what it is told while it hangs */

int64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* ---- messages ---- */

void proxy_child_tell(struct proxy_child *c, const struct control_message *m, int passed)
{
	int err = control_send(c->control, m, passed);

	if (!err || err == -EPIPE || err == -ECONNRESET)
		return; /* of one that has ended, its exit tells */
	log_error("proxy %d does not read what it is told (%s) and is ended", (int)c->pid,
		  strerror(-err));
	kill(c->pid, SIGKILL);
}

/* A socket that nobody dials, and that is gone when the proxy is. */
static int alive_listener(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int err, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&sa, sizeof(sa)) && !listen(fd, 1))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* It has a table and its listeners: from here on connections are steered to it. */
static void child_serves(struct proxy_child *c)
{
	const struct control_message m = {.kind = CONTROL_LISTENER};
	struct agent *a = c->a;
	int err, fd = alive_listener();

	err = fd < 0 ? fd : 0;
	if (!err) {
		proxy_child_tell(c, &m, fd);
		listeners_point(a);
		err = datapath_proxy_alive(a->dp, fd);
		close(fd);
	}
	if (err) {
		log_error("nothing can be steered to the proxy: %s", strerror(-err));
		return;
	}
	c->serves = true;
	log_info("proxy %d serves", (int)c->pid);
	agent_proxy_served(a, c);
}

static void child_listen(struct proxy_child *c)
{
	struct control_message m;
	int passed;

	if (control_receive(c->control, &m, &passed) <= 0)
		return;
	if (m.kind == CONTROL_COUNTS) {
		c->unanswered -= c->unanswered > 0;
		asks_answer(c->a, (int)c->pid, &m, passed);
		return;
	}
	if (passed != -1)
		close(passed);
	if (m.kind == CONTROL_LEAVING && c == c->a->proxy.child)
		agent_proxy_replace(c->a);
	if (m.kind != CONTROL_TAKEN)
		return;
	if (m.number == -ENOENT) { /* it lacks something of a table that it did not take */
		agent_proxy_tell_all(c->a, c);
		return;
	}
	if (m.number) {
		log_error("the proxy refused table %u: %s", m.id, strerror((int)-m.number));
		return;
	}
	c->taken = m.id;
	if (!c->serves && c == c->a->proxy.child)
		child_serves(c);
}

static void messages_ready(uint32_t events, void *arg)
{
	struct proxy_child *c = arg;

	if (events & EPOLLIN)
		child_listen(c);
	else
		loop_want(c->messages, 0); /* its exit tells the rest */
}

void proxy_child_wait(struct proxy_child *c)
{
	const struct agent_proxy *p = &c->a->proxy;
	int64_t end = monotonic_ns() + TAKE_MS * 1000000LL;
	struct pollfd fd = {.fd = c->control, .events = POLLIN};

	while (c->taken != p->snapshot_id && !c->hung) {
		int64_t left = (end - monotonic_ns()) / 1000000;

		if (left <= 0 || poll(&fd, 1, (int)left) != 1 || !(fd.revents & POLLIN))
			break;
		child_listen(c);
	}
	if (c->taken != p->snapshot_id)
		log_error("the proxy has not taken table %u", p->snapshot_id);
}

void proxy_child_tell_table(struct proxy_child *c, int table)
{
	const struct control_message m = {.kind = CONTROL_SNAPSHOT, .id = c->a->proxy.snapshot_id};

	proxy_child_tell(c, &m, table);
}

/* ---- the process ---- */

void proxy_child_free(struct proxy_child *c)
{
	loop_remove(c->exit);
	loop_remove(c->messages);
	close(c->pidfd);
	if (c->control != -1)
		close(c->control);
	free(c);
}

static void exit_ready(uint32_t events, void *arg)
{
	struct proxy_child *c = arg;
	int status = 0;

	(void)events;
	waitpid(c->pid, &status, 0);
	agent_proxy_ended(c->a, c, status);
	proxy_child_free(c);
}

/* Only what is safe between fork and exec. */
static void child_exec(struct agent *a, int procs, int control)
{
	char number[16], workers[16], memory[24];

	if (write(procs, "0", 1) != 1)
		_exit(126);
	setsid(); /* signals of the agent's terminal are not meant for it */
	fcntl(control, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", control);
	snprintf(workers, sizeof(workers), "%u", a->options->l7_workers);
	snprintf(memory, sizeof(memory), "%llu", (unsigned long long)a->options->l7_memory);
	execl("/proc/self/exe", "shunt", "proxy", "--control", number, "--uid", NOBODY, "--gid",
	      NOBODY, "--workers", workers, "--memory", memory, "--access-log-format",
	      a->options->access_log_json ? "json" : "text", NULL);
	_exit(127);
}

int proxy_procs_open(struct agent *a, int flags)
{
	char folder[1024], path[1040];
	int fd, err = datapath_proxy_cgroup(a->dp, folder, sizeof(folder));

	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	fd = open(path, flags | O_CLOEXEC);
	return fd == -1 ? -errno : fd;
}

static int child_fork(struct agent *a, int control, pid_t *pid)
{
	int err, procs = proxy_procs_open(a, O_WRONLY);

	if (procs < 0)
		return procs;
	*pid = fork();
	err = *pid == -1 ? -errno : 0;
	if (*pid == 0)
		child_exec(a, procs, control);
	close(procs);
	return err;
}

static int child_watch(struct proxy_child *c)
{
	int err;

	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	err = c->pidfd == -1 ? -errno : 0;
	if (!err)
		err = loop_add(c->a->loop, c->pidfd, EPOLLIN, exit_ready, c, &c->exit);
	if (!err)
		err = loop_add(c->a->loop, c->control, EPOLLIN, messages_ready, c, &c->messages);
	return err;
}

int proxy_child_start(struct agent *a, struct proxy_child **out)
{
	struct timeval patience = {.tv_sec = SEND_MS / 1000};
	int pair[2], err, size = SEND_SIZE;
	struct proxy_child *c;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	err = child_fork(a, pair[1], &pid);
	close(pair[1]);
	if (err) {
		close(pair[0]);
		return err;
	}
	c = xcalloc(1, sizeof(*c));
	*c = (struct proxy_child){.a = a, .pid = pid, .control = pair[0], .started = monotonic_ns()};
	err = child_watch(c);
	if (err) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		proxy_child_free(c);
		return err;
	}
	*out = c;
	return 0;
}
