// SPDX-License-Identifier: GPL-2.0
/* Finding network namespaces, and entering them in a thread that ends there. */
#include "agent/netns.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define NAMES "/run/netns"
#define YOUNG_SCANS 40	/* in which a namespace without a pod, or a process, is looked at each time */
#define RARELY_SCANS 20 /* then once in so many */

/* ---- entering ---- */

struct visit {
	struct netns *ns;
	char *path;
	uint64_t cookie; /* 0: it could not be entered */
	ino_t user;	 /* the user namespace that owns it; 0: none that the agent may know */
	bool machine;
	VEC(struct inet) addresses;
};
struct visits {
	VEC(struct visit) list;
};

/* A tap, of whatever kind: packets come from a process that is no caller itself. */
static bool is_tap(int fd, const char *device)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq request = {.ifr_data = (void *)&info};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.*s", IFNAMSIZ - 1, device);
	if (ioctl(fd, SIOCETHTOOL, &request))
		return false;
	return !strcmp(info.driver, "tun") || !strcmp(info.driver, "macvtap");
}

static void read_devices(struct visit *v, int fd)
{
	struct ifaddrs *all, *it;
	struct inet address;

	if (getifaddrs(&all))
		return;
	for (it = all; it; it = it->ifa_next) {
		if (it->ifa_flags & IFF_LOOPBACK)
			continue;
		if (inet_of_device(it->ifa_addr, &address))
			vec_push(&v->addresses, address);
		else if (it->ifa_addr && it->ifa_addr->sa_family == AF_PACKET)
			v->machine |= is_tap(fd, it->ifa_name);
	}
	freeifaddrs(all);
}

static ino_t owner_of(int ns)
{
	int user = ioctl(ns, NS_GET_USERNS);
	struct stat st = {0};

	if (user == -1)
		return 0;
	fstat(user, &st);
	close(user);
	return st.st_ino;
}

static void enter(struct visit *v)
{
	socklen_t size = sizeof(v->cookie);
	int ns = open(v->path, O_RDONLY | O_CLOEXEC), fd;
	struct stat st;

	if (ns == -1)
		return;
	v->user = owner_of(ns);
	if (!fstat(ns, &st) && st.st_ino == v->ns->inode && !setns(ns, CLONE_NEWNET)) {
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd != -1 && !getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &v->cookie, &size))
			read_devices(v, fd);
		if (fd != -1)
			close(fd);
	}
	close(ns);
}

static void *enter_all(void *arg)
{
	struct visits *all = arg;
	struct visit *v;

	vec_each(&all->list, v)
		enter(v);
	return NULL;
}

/* Only a thread can be in another network namespace; it ends, and nothing has to find back. */
static void visits_make(struct visits *all)
{
	pthread_t thread;
	int err;

	if (!all->list.nr)
		return;
	err = pthread_create(&thread, NULL, enter_all, all);
	if (err)
		log_error("looking into network namespaces: %s", strerror(err));
	else
		pthread_join(thread, NULL);
}

/* ---- finding ---- */

static struct netns *netns_of_inode(struct netns_watch *w, ino_t inode)
{
	struct netns *n = NULL;

	for (size_t i = 0; i < w->list.nr; i++)
		if (w->list.at[i]->inode == inode)
			n = w->list.at[i];
	if (!n) {
		n = xcalloc(1, sizeof(*n));
		n->inode = inode;
		n->born = w->scans;
		vec_push(&w->list, n);
	}
	if (n->seen != w->scans) {
		n->seen = w->scans;
		n->first_pid = 0;
		n->first_name[0] = '\0';
	}
	return n;
}

static ino_t inode_of_process(pid_t pid)
{
	char path[64], text[64];
	unsigned long inode;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	length = readlink(path, text, sizeof(text) - 1);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	return sscanf(text, "net:[%lu]", &inode) == 1 ? inode : 0;
}

/* Reading the link is most of a scan's cost, and an old process hardly ever goes elsewhere. */
static void see_process(struct netns_watch *w, struct netns_process *p)
{
	struct netns *n;

	if (w->scans - p->born < YOUNG_SCANS || (w->scans + (uint64_t)p->pid) % RARELY_SCANS == 0)
		p->inode = inode_of_process(p->pid);
	if (!p->inode || p->inode == w->own)
		return;
	n = netns_of_inode(w, p->inode);
	if (!n->first_pid)
		n->first_pid = p->pid;
	if (n->pid == p->pid)
		n->kept = w->scans;
}

static void see_processes(struct netns_watch *w, DIR *proc)
{
	VEC(struct netns_process) now = {0};
	struct dirent *e;
	size_t at = 0;

	while (proc && (e = readdir(proc))) {
		struct netns_process p = {.pid = (pid_t)atoi(e->d_name), .born = w->scans};

		if (p.pid <= 0)
			continue;
		while (at < w->processes.nr && w->processes.at[at].pid < p.pid)
			at++;
		if (at < w->processes.nr && w->processes.at[at].pid == p.pid)
			p = w->processes.at[at];
		see_process(w, &p);
		vec_push(&now, p);
	}
	vec_free(&w->processes);
	w->processes.at = now.at;
	w->processes.nr = now.nr;
	w->processes.cap = now.cap;
}

static void see_name(struct netns_watch *w, const char *name)
{
	char path[sizeof(NAMES) + 256];
	struct netns *n;
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", NAMES, name);
	if (stat(path, &st) || st.st_dev != w->nsfs || st.st_ino == w->own)
		return; /* it may be made just now: still a file */
	n = netns_of_inode(w, st.st_ino);
	if (!strcmp(n->name, name) && n->named.tv_sec == st.st_ctim.tv_sec &&
	    n->named.tv_nsec == st.st_ctim.tv_nsec)
		n->kept = w->scans;
	if (n->first_name[0])
		return;
	snprintf(n->first_name, sizeof(n->first_name), "%s", name);
	n->first_named = st.st_ctim;
}

static void look_around(struct netns_watch *w)
{
	DIR *proc = opendir("/proc"), *names = opendir(NAMES);
	struct dirent *e;

	see_processes(w, proc);
	while (names && (e = readdir(names)))
		if (e->d_name[0] != '.')
			see_name(w, e->d_name);
	if (proc)
		closedir(proc);
	if (names)
		closedir(names);
}

/* ---- a scan ---- */

static void netns_free(struct netns *n)
{
	vec_free(&n->addresses);
	free(n->pod);
	free(n->scope);
	free(n->claim);
	free(n);
}

static void drop_gone(struct netns_watch *w)
{
	for (size_t i = 0; i < w->list.nr; i++) {
		struct netns *n = w->list.at[i];

		if (n->seen == w->scans)
			continue;
		if (n->cookie)
			w->gone(n->cookie, w->arg);
		netns_free(n);
		w->list.at[i--] = w->list.at[--w->list.nr];
	}
}

static bool is_due(const struct netns_watch *w, const struct netns *n, bool all)
{
	if (!n->cookie || n->kept != w->scans)
		return true;
	if (n->pod)
		return false;
	return all || w->scans - n->born < YOUNG_SCANS || (n->first_pid && !n->populated) ||
	       w->scans - n->entered >= RARELY_SCANS;
}

char *netns_path(const struct netns *n)
{
	if (n->first_pid)
		return xasprintf("/proc/%d/ns/net", (int)n->first_pid);
	return xasprintf("%s/%s", NAMES, n->first_name);
}

static void visit_add(struct netns *n, struct visits *out)
{
	struct visit v = {.ns = n, .path = netns_path(n)};

	vec_push(&out->list, v);
}

/* What was learnt; another cookie is of a namespace that got the inode of one that is gone. */
static void visit_take(struct netns_watch *w, struct visit *v)
{
	struct netns *n = v->ns;

	if (!v->cookie)
		return; /* it went meanwhile; the next scan sees that */
	n->entered = w->scans;
	n->pid = n->first_pid;
	memcpy(n->name, n->first_name, sizeof(n->name));
	n->named = n->first_named;
	n->populated = n->first_pid != 0;
	if (n->cookie && n->cookie != v->cookie) {
		w->gone(n->cookie, w->arg);
		free(n->pod);
		free(n->scope);
		n->pod = n->scope = NULL;
	}
	n->cookie = v->cookie;
	n->ours = v->user == w->own_user;
	n->machine = v->machine;
	free(n->addresses.at);
	n->addresses.at = v->addresses.at;
	n->addresses.nr = v->addresses.nr;
	n->addresses.cap = v->addresses.cap;
}

void netns_scan(struct netns_watch *w, bool all)
{
	struct visits visits = {0};
	struct visit *v;

	w->scans++;
	look_around(w);
	drop_gone(w);
	for (size_t i = 0; i < w->list.nr; i++)
		if (is_due(w, w->list.at[i], all))
			visit_add(w->list.at[i], &visits);
	visits_make(&visits);
	vec_each(&visits.list, v) {
		visit_take(w, v);
		free(v->path);
	}
	vec_free(&visits.list);
}

const struct netns *netns_find(const struct netns_watch *w, uint64_t cookie)
{
	for (size_t i = 0; i < w->list.nr; i++)
		if (w->list.at[i]->cookie == cookie)
			return w->list.at[i];
	return NULL;
}

int netns_watch_open(struct netns_watch *w, void (*gone)(uint64_t cookie, void *arg), void *arg)
{
	struct stat st;

	memset(w, 0, sizeof(*w));
	w->gone = gone;
	w->arg = arg;
	if (stat("/proc/self/ns/net", &st))
		return -errno;
	w->own = st.st_ino;
	w->nsfs = st.st_dev;
	if (stat("/proc/self/ns/user", &st))
		return -errno;
	w->own_user = st.st_ino;
	return 0;
}

void netns_watch_close(struct netns_watch *w)
{
	for (size_t i = 0; i < w->list.nr; i++)
		netns_free(w->list.at[i]);
	vec_free(&w->list);
	vec_free(&w->processes);
}
