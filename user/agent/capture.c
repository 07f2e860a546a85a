// SPDX-License-Identifier: GPL-2.0
/* Follows captured pods: their devices on the host get programs, their sockets are left alone. */
#include "agent/capture.h"
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/listener_open.h"
#include "agent/veth.h"
#include "base/log.h"
#include "config/keys.h"

#define LOOK_SCANS 20 /* a pod may get another device */

struct devices {
	VEC(struct capture_device) list;
	struct ifaddrs *addresses; /* of the host */
};

bool capture_how_find(const char *name, enum capture_how *out)
{
	static const char *const names[] = {"auto", "socket", "tc"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], name)) {
			*out = (enum capture_how)i;
			return true;
		}
	return false;
}

bool capture_wanted(const struct agent *a)
{
	const struct strmap_entry *e;

	if (a->options->capture != CAPTURE_SOCKET)
		return a->set.kinds[KIND_POD].nr > 0; /* any of them may be a virtual machine */
	strmap_each(&a->set.kinds[KIND_POD], e)
		if (pod_is_captured(&a->set, e->value))
			return true;
	return false;
}

/* ---- which pods ---- */

/* Why this one is captured, NULL: it is not. */
static const char *reason_of(const struct agent *a, const struct netns *n)
{
	const struct object *pod = n->pod ? strmap_get(&a->set.kinds[KIND_POD], n->pod) : NULL;

	if (!pod || !n->cookie)
		return NULL;
	if (pod_is_captured(&a->set, pod))
		return "shunt.io/capture: tc";
	if (a->options->capture == CAPTURE_TC)
		return "--capture=tc";
	if (a->options->capture == CAPTURE_AUTO && n->machine)
		return "it is a virtual machine";
	return NULL;
}

static bool is_known(const struct capture *c, uint64_t netns)
{
	struct captured_pod *p;

	vec_each(&c->pods, p)
		if (p->netns == netns)
			return p->device != 0;
	return false;
}

/* Whether all of them are known with their devices, and no others. */
static bool is_settled(const struct agent *a)
{
	const struct netns_watch *w = &a->callers.watch;
	size_t nr = 0;

	if (w->scans - a->capture.looked >= LOOK_SCANS)
		return false;
	for (size_t i = 0; i < w->list.nr; i++) {
		if (!reason_of(a, w->list.at[i]))
			continue;
		if (!is_known(&a->capture, w->list.at[i]->cookie))
			return false;
		nr++;
	}
	return nr == a->capture.pods.nr;
}

static void pods_free(struct capture *c)
{
	struct captured_pod *p;

	vec_each(&c->pods, p)
		free(p->pod);
	vec_free(&c->pods);
}

/* ---- their devices ---- */

/* The device's own addresses, else any that are not the loopback's. */
static void addresses_put(const struct ifaddrs *it, struct capture_device *d)
{
	static const struct inet none;
	char name[IF_NAMESIZE] = "";
	struct inet address, *to;

	if_indextoname(d->index, name);
	for (; it; it = it->ifa_next) {
		if (it->ifa_flags & IFF_LOOPBACK || !inet_of_device(it->ifa_addr, &address))
			continue;
		to = inet_is_v4(&address) ? &d->ipv4 : &d->ipv6;
		if (inet_equal(to, &none) || !strcmp(it->ifa_name, name))
			*to = address;
	}
}

static void pod_put(struct agent *a, const struct netns *n, const char *because,
		    const struct veths *veths, struct devices *out)
{
	struct captured_pod p = {.netns = n->cookie, .because = because, .pod = xstrdup(n->pod)};
	char *path = netns_path(n);
	const struct veth *v;
	int nsid = veth_nsid(path);

	vec_each(&veths->list, v)
		if (nsid >= 0 && v->nsid == nsid) {
			struct capture_device d = {.index = v->index, .netns = n->cookie};

			addresses_put(out->addresses, &d);
			vec_push(&out->list, d);
			p.device = v->index;
		}
	free(path);
	if (!p.device)
		log_debug("pod %s has no device here: it is not captured", p.pod);
	vec_push(&a->capture.pods, p);
}

/* Who has programs on its device is no longer steered by its sockets; else it still is. */
static void mark(struct agent *a, bool on)
{
	const struct netns_watch *w = &a->callers.watch;

	for (size_t i = 0; i < w->list.nr; i++) {
		const struct netns *n = w->list.at[i];

		if (n->cookie && is_known(&a->capture, n->cookie) == on &&
		    datapath_captured(a->dp, n->cookie) != on &&
		    datapath_captured_set(a->dp, n->cookie, on))
			log_error("%s cannot be marked as captured", n->pod ? n->pod : "a pod");
	}
}

static void devices_put(struct agent *a, struct devices *devices)
{
	int ms;

	mark(a, false);
	ms = datapath_capture(a->dp, devices->list.at, devices->list.nr);
	if (ms == -EOPNOTSUPP)
		pods_free(&a->capture); /* their sockets are all there is */
	else
		mark(a, true);
	if (ms > 0)
		loop_timer_set(a->capture.later, (uint64_t)ms, 0);
}

static void look(struct agent *a)
{
	const struct netns_watch *w = &a->callers.watch;
	struct devices devices = {0};
	struct veths veths = {0};
	int err = veths_read(&veths);

	a->capture.looked = w->scans;
	if (err) {
		log_error("devices of pods: %s", strerror(-err));
		vec_free(&veths.list);
		return;
	}
	pods_free(&a->capture);
	getifaddrs(&devices.addresses); /* without any, no pod of these reaches the proxy */
	for (size_t i = 0; i < w->list.nr; i++) {
		const char *because = reason_of(a, w->list.at[i]);

		if (because)
			pod_put(a, w->list.at[i], because, &veths, &devices);
	}
	devices_put(a, &devices);
	listeners_follow(a); /* those of captured pods are elsewhere */
	if (devices.addresses)
		freeifaddrs(devices.addresses);
	vec_free(&devices.list);
	vec_free(&veths.list);
}

void capture_follow(struct agent *a)
{
	if (a->in_force && !is_settled(a))
		look(a);
}

static void later_expired(void *arg)
{
	struct agent *a = arg;

	look(a);
}

int capture_start(struct agent *a)
{
	uint64_t own;
	int err = netns_cookie_own(&own);

	if (err)
		return err;
	datapath_host_set(a->dp, own);
	return loop_timer(a->loop, later_expired, a, &a->capture.later);
}

void capture_stop(struct agent *a)
{
	if (a->capture.later)
		loop_timer_remove(a->capture.later);
	pods_free(&a->capture);
}

json_t *capture_json(const struct agent *a)
{
	json_t *list = json_array();
	const struct captured_pod *p;
	char name[IF_NAMESIZE];

	vec_each(&a->capture.pods, p) {
		const char *device = p->device ? if_indextoname(p->device, name) : NULL;

		json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "pod", p->pod, "device",
						      device ? device : "", "because", p->because));
	}
	return list;
}
