// SPDX-License-Identifier: GPL-2.0
/* The agent's process: starts all parts, waits for what happens, and leaves the kernel as it is. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "agent/agent.h"
#include "agent/slots.h"
#include "base/log.h"
#include "base/nofile.h"
#include "telemetry/scrape.h"

#define MINUTE_MS 60000
#define BUSY_FIRST_MS 2
#define BUSY_MOST_MS 1024

/* Tells the service manager that started us, if one did: a datagram to the socket it named. */
static void service_notify(const char *state)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	const char *name = getenv("NOTIFY_SOCKET");
	size_t length = name ? strlen(name) : 0;
	int fd;

	if (!length || length >= sizeof(sa.sun_path))
		return;
	memcpy(sa.sun_path, name, length);
	if (name[0] == '@') /* an abstract name */
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sa,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) == -1)
		log_debug("NOTIFY_SOCKET: %s", strerror(errno));
	close(fd);
}

static void audit(struct agent *a)
{
	uint64_t leaked = 0;
	char *why = NULL;
	int err = datapath_audit(a->dp, &leaked, &why);

	if (err)
		log_error("audit: %s", why ? why : strerror(-err));
	else if (leaked)
		log_info("audit returned %" PRIu64 " leaked reservations", leaked);
	free(why);
}

static void reclaim_expired(void *arg)
{
	struct agent *a = arg;
	int ms = datapath_reclaim(a->dp);

	if (ms >= 0)
		loop_timer_set(a->reclaim, ms ? (uint64_t)ms : 1, 0);
}

static void minute_expired(void *arg)
{
	struct agent *a = arg;

	audit(a);
	slots_tidy(a);
	if (a->waiting)
		agent_reconcile(a);
}

static void tidy_expired(void *arg)
{
	slots_tidy(arg);
}

static void sync_expired(void *arg)
{
	struct agent *a = arg;

	state_sync(&a->state);
}

static void files_expired(void *arg)
{
	struct agent *a = arg;

	if (files_follow(&a->files))
		agent_reconcile(a);
	if (files_pending(&a->files))
		loop_timer_set(a->busy, a->busy_ms, 0);
	a->busy_ms = a->busy_ms < BUSY_MOST_MS ? a->busy_ms * 2 : BUSY_MOST_MS;
}

static void files_ready(uint32_t events, void *arg)
{
	struct agent *a = arg;

	(void)events;
	a->busy_ms = BUSY_FIRST_MS;
	files_expired(a);
}

static void event_keep(const struct event *e, void *arg)
{
	struct agent *a = arg;

	if (e->kind == EVENT_UNKNOWN_CALLER)
		callers_heard(a, e->netns);
	a->events[a->nr_events++ % AGENT_EVENTS] = *e;
	if (admin_followers(a->admin))
		admin_tell(a->admin, event_json(a, e));
}

static void events_ready(uint32_t events, void *arg)
{
	struct agent *a = arg;

	(void)events;
	datapath_events(a->dp, event_keep, a);
}

static void signal_ready(uint32_t events, void *arg)
{
	struct agent *a = arg;
	struct signalfd_siginfo info;

	(void)events;
	if (read(a->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR2) {
		agent_proxy_replace(a);
		return;
	}
	if (info.ssi_signo != SIGHUP) {
		loop_stop(a->loop);
		return;
	}
	access_file_reopen(a);
	files_read_all(&a->files);
	agent_reconcile(a);
	files_ready(0, a); /* what was busy is tried again */
}

static int start_failed(const char *what, int err, char *why)
{
	log_error("%s: %s", what, why ? why : strerror(-err));
	free(why);
	return err;
}

static int start_datapath(struct agent *a)
{
	struct datapath_status st = {0};
	char *why = NULL;
	int did = 0, err;

	err = datapath_load(a->options->root, a->options->cgroup, &did, &why);
	if (!err)
		err = datapath_open(a->options->root, &a->dp, &why);
	if (err)
		return start_failed("the kernel's part", err, why);
	log_debug("%d programs loaded, the rest was there", did);
	if (!datapath_status(a->dp, &st))
		a->last_plan = st.plan;
	audit(a);
	datapath_splice_all(a->dp, a->options->splice);
	err = callers_start(a);
	if (!err)
		err = capture_start(a);
	if (err)
		return start_failed("network namespaces", err, NULL);
	err = node_start(a);
	if (err)
		return start_failed("the node's devices", err, NULL);
	err = drains_start(a);
	if (!err)
		err = asks_open(a);
	if (!err)
		err = access_file_open(a);
	if (!err)
		err = agent_proxy_open(a);
	return err ? start_failed("the proxy", err, NULL) : 0;
}

static int start_sources(struct agent *a)
{
	const struct decode_options decode = {.lenient = a->options->lenient};
	int err = state_open(&a->state, a->options->state);

	if (err)
		return start_failed(a->options->state, err, NULL);
	a->addresses = addresses_new();
	err = state_read_addresses(&a->state, a->addresses);
	if (err && err != -ENOENT)
		log_error("%s/addresses: %s; what it gave out may move", a->state.dir,
			  strerror(-err));
	addresses_changed(a->addresses); /* what was read is on disk */
	err = files_open(&a->files, a->options->config, &decode);
	return err ? start_failed(a->options->config, err, NULL) : 0;
}

static int start_loop(struct agent *a)
{
	struct loop_source *source;
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	err = a->signals == -1 ? -errno : loop_new(&a->loop);
	if (!err)
		err = loop_add(a->loop, a->signals, EPOLLIN, signal_ready, a, &source);
	if (!err)
		err = loop_timer(a->loop, reclaim_expired, a, &a->reclaim);
	if (!err)
		err = loop_timer(a->loop, minute_expired, a, &a->minute);
	if (!err)
		err = loop_timer(a->loop, sync_expired, a, &a->sync);
	if (!err)
		err = loop_timer(a->loop, files_expired, a, &a->busy);
	if (!err)
		err = loop_timer(a->loop, tidy_expired, a, &a->tidy);
	if (!err)
		loop_timer_set(a->minute, MINUTE_MS, MINUTE_MS);
	return err ? start_failed("event loop", err, NULL) : 0;
}

/* Last, so that whoever can connect finds the plan in force. */
static int start_listening(struct agent *a)
{
	char *path = xasprintf("/run/%s.sock", a->options->root);
	struct loop_source *source;
	int err;

	err = loop_add(a->loop, a->files.inotify, EPOLLIN, files_ready, a, &source);
	files_ready(0, a);
	if (!err)
		err = admin_open(a->loop, path, request_run, a, &a->admin);
	if (!err)
		err = loop_add(a->loop, datapath_events_fd(a->dp), EPOLLIN, events_ready, a,
			       &source);
	if (err)
		start_failed(path, err, NULL);
	free(path);
	if (err || !strcmp(a->options->metrics, "off"))
		return err;
	err = scrape_open(a->loop, a->options->metrics, metrics_print, metrics_ask, a,
			  &a->scrape);
	if (err) /* a taken port must not keep a node without its rules */
		start_failed(a->options->metrics, err,
			     xasprintf("%s; no metrics are served", strerror(-err)));
	return 0;
}

static int start(struct agent *a)
{
	int err = lock_take(a->options->root, &a->lock);

	if (err == -EBUSY)
		return start_failed(a->options->root, err,
				    xasprintf("an agent runs already, as process %d",
					      (int)a->lock.owner));
	if (err)
		return start_failed(a->lock.path, err, NULL);
	err = start_loop(a);
	if (!err)
		err = start_datapath(a);
	if (!err)
		err = start_sources(a);
	if (err)
		return err;
	agent_reconcile(a);
	/* Nothing was in force before: an empty plan is better to answer from than none. */
	if (!a->plan) {
		struct config_set none = {0};
		struct diags diags = {0};

		plan_build(&none, NULL, NULL, a->addresses, a->last_plan, &diags, &a->plan);
		diags_free(&diags);
	}
	return start_listening(a);
}

static void stop(struct agent *a)
{
	struct strmap_entry *e;

	asks_close(a);
	scrape_close(a->scrape);
	admin_close(a->admin);
	loop_timer_remove(a->reclaim);
	loop_timer_remove(a->minute);
	loop_timer_remove(a->sync);
	loop_timer_remove(a->busy);
	loop_timer_remove(a->tidy);
	drains_stop(a);
	callers_stop(a);
	capture_stop(a);
	node_stop(a);
	agent_proxy_close(a);
	access_file_close(a);
	loop_free(a->loop);
	if (a->signals > 0)
		close(a->signals);
	files_close(&a->files);
	state_close(&a->state);
	plan_free(a->plan);
	config_set_free(&a->set);
	if (a->addresses)
		addresses_free(a->addresses);
	diags_free(&a->rejected);
	diags_free(&a->refused);
	strmap_each(&a->not_enforced, e)
		free(e->value);
	strmap_free(&a->not_enforced);
	if (a->dp)
		datapath_close(a->dp);
	lock_drop(&a->lock, false);
}

bool agent_metrics_valid(const char *metrics)
{
	return !strcmp(metrics, "off") || scrape_place_valid(metrics);
}

int agent_run(const struct agent_options *options)
{
	struct agent *a = xcalloc(1, sizeof(*a));
	int err;

	a->options = options;
	a->lock.fd = -1;
	a->access.fd = -1;
	clock_gettime(CLOCK_MONOTONIC, &a->started);
	nofile_raise(); /* two for each pod */
	err = start(a);
	if (!err) {
		log_info("agent %s of root %s runs, plan %" PRIu32, SHUNT_VERSION, options->root,
			 a->plan->number);
		service_notify("READY=1");
		err = loop_run(a->loop);
		service_notify("STOPPING=1");
	}
	stop(a);
	free(a);
	return err ? 1 : 0;
}
