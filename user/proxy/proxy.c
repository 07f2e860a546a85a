// SPDX-License-Identifier: GPL-2.0
/* Starts the workers and waits for the agent's orders, a signal, or the end of a drain. */
#include "proxy/proxy.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "base/log.h"
#include "proxy/heartbeat.h"
#include "proxy/journal.h"
#include "proxy/orders.h"
#include "proxy/privilege.h"

#define TICK_MS 100
#define MEMORY_DEFAULT (1024u << 20)
#define HEAD_TIMEOUT_DEFAULT 60000 /* ms */
#define IDLE_TIMEOUT_DEFAULT 3600000
#define SECOND 1000000000ll
#define DRAIN_ON_SIGNAL (60 * SECOND)
#define LEAVE_PATIENCE (10 * SECOND) /* for the agent to start another one */
#define END_GRACE (2 * SECOND)	     /* for clients to see that their idle connection ends */

int proxy_destination(const struct proxy *p, int fd, struct inet *address, uint16_t *port)
{
	if (!p->fixed)
		return original_destination(fd, address, port);
	*address = p->fixed_address;
	*port = p->fixed_port;
	return 0;
}

void proxy_wake_others(const struct worker *w, size_t offset)
{
	struct proxy *p = w->proxy;

	for (unsigned i = 0; i < p->nr_workers; i++) {
		struct worker *other = &p->workers[i];

		if (other == w)
			continue;
		atomic_store((atomic_bool *)((char *)other + offset), true);
		worker_wake(other);
	}
}

static unsigned cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

/* "10.0.0.1:80", "[::1]:80" */
static bool destination_parse(struct proxy *p, const char *text)
{
	const char *colon = strrchr(text, ':');
	char address[INET_TEXT];
	size_t length;
	char *end;
	unsigned long port;

	if (!colon)
		return false;
	length = (size_t)(colon - text);
	if (length && *text == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	port = strtoul(colon + 1, &end, 10);
	if (length >= sizeof(address) || *end || !port || port > UINT16_MAX)
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	p->fixed = true;
	p->fixed_port = (uint16_t)port;
	return inet_parse(address, &p->fixed_address);
}

static int signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int prepare(struct proxy *p, const struct proxy_options *o)
{
	p->control = o->control;
	p->alive = -1;
	p->log_json = o->log_json;
	atomic_init(&p->log_next, -1);
	p->memory.limit = o->memory ? o->memory : MEMORY_DEFAULT;
	p->head_timeout = (o->head_timeout ? o->head_timeout : HEAD_TIMEOUT_DEFAULT) * 1000000ll;
	p->idle_timeout = (o->idle_timeout ? o->idle_timeout : IDLE_TIMEOUT_DEFAULT) * 1000000ll;
	p->nr_workers = o->workers ? o->workers : cpus();
	p->lasting.clusters.nr_workers = p->nr_workers;
	p->lasting.tallies.nr_workers = p->nr_workers;
	p->workers = xcalloc(p->nr_workers, sizeof(*p->workers));
	if (o->destination && !destination_parse(p, o->destination))
		return -EINVAL;
	json_object_seed(0);
	return 0;
}

static int start(struct proxy *p, const struct proxy_options *o)
{
	const int how = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK;
	int err, log = o->access_log ? open(o->access_log, how, 0640) : -1;

	if (o->access_log && log == -1)
		return -errno;
	err = privilege_drop(o->uid, o->gid);
	if (!err)
		err = journal_start(p);
	journal_take(p, log);

	for (unsigned i = 0; !err && i < p->nr_workers; i++) {
		p->workers[i].index = i;
		p->workers[i].proxy = p;
		err = worker_start(&p->workers[i]);
	}
	if (!err)
		err = heartbeat_start(p);
	return err ? err : privilege_filter();
}

/* The agent is gone: what it said last holds on. */
static void agent_gone(struct proxy *p)
{
	log_info("proxy: the agent is gone; going on with what it said last");
	close(p->control);
	p->control = -1;
}

/*
 * SIGTERM: the agent starts another one first, if there is an agent. A second one is no hurry, as
 * each agent sends one to all that it finds. SIGINT: now.
 */
static void signalled(struct proxy *p, int number)
{
	int64_t now = monotonic_now();

	if (number == SIGINT)
		orders_drain(p, now - END_GRACE);
	else if (p->leave_end || proxy_draining(p))
		return;
	else if (p->control == -1 || orders_leave(p))
		orders_drain(p, now + DRAIN_ON_SIGNAL);
	else
		p->leave_end = now + LEAVE_PATIENCE;
}

static void turn(struct proxy *p, int signal_fd)
{
	struct pollfd fds[] = {{signal_fd, POLLIN, 0}, {p->control, POLLIN, 0}};
	struct signalfd_siginfo info;

	poll(fds, 2, TICK_MS);
	if (fds[0].revents && read(signal_fd, &info, sizeof(info)) > 0)
		signalled(p, (int)info.ssi_signo);
	if (fds[1].revents && !orders_read(p))
		agent_gone(p);
	if (p->leave_end && !proxy_draining(p) &&
	    (p->control == -1 || monotonic_now() > p->leave_end))
		orders_drain(p, monotonic_now() + DRAIN_ON_SIGNAL);
	orders_tidy(p);
}

/* Each connection holds its listener. */
static bool over(struct proxy *p)
{
	int64_t now;

	if (!proxy_draining(p))
		return false;
	if (!p->listeners)
		return true;
	now = monotonic_now();
	if (now >= p->drain_end && proxy_stage(p) != PROXY_ENDS)
		orders_end(p);
	return now >= p->drain_end + END_GRACE;
}

int proxy_run(const struct proxy_options *o)
{
	static struct proxy p; /* the workers never end, so neither does it */
	int signal_fd = signals(), err = prepare(&p, o);

	if (!err)
		err = start(&p, o);
	if (err) {
		log_error("proxy: cannot start: %s", strerror(-err));
		return err;
	}
	while (!over(&p))
		turn(&p, signal_fd);
	journal_finish(&p);
	return 0;
}
