// SPDX-License-Identifier: GPL-2.0
/*
 * Follows the machine's own devices and addresses. Callers from outside come in at the devices with a
 * default route, if none are named; node ports are at the addresses of these, if none are named.
 */
#include "agent/node.h"
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/agent.h"
#include "base/log.h"

#define LATER_MS 20 /* changes come in bursts */

/* ---- words of a list ---- */

/* The next word before a comma into `out`; NULL: there is none, or it is too long for one. */
static const char *word_next(const char *at, char *out, size_t size)
{
	size_t length = at ? strcspn(at, ",") : 0;

	if (!length || length >= size)
		return NULL;
	memcpy(out, at, length);
	out[length] = '\0';
	return at + length + (at[length] == ',');
}

const char *node_devices_wrong(const char *text)
{
	char name[IF_NAMESIZE];

	while (text && *text)
		text = strpbrk(text, " /") ? NULL : word_next(text, name, sizeof(name));
	return text ? NULL : "want DEVICE[,DEVICE...]";
}

const char *node_addresses_wrong(const char *text)
{
	char word[INET_TEXT];
	struct inet address;

	while (text && *text) {
		text = word_next(text, word, sizeof(word));
		if (text && (!inet_parse(word, &address) || inet_is_loopback(&address)))
			text = NULL;
	}
	return text ? NULL : "want ADDRESS[,ADDRESS...] of the node";
}

/* ---- what the machine has ---- */

static struct outside_device *device_find(struct outside_devices *devices, const char *name)
{
	struct outside_device *d;

	vec_each(&devices->list, d)
		if (!strcmp(d->name, name))
			return d;
	return NULL;
}

static void device_add(struct outside_devices *devices, const char *name)
{
	struct outside_device d = {.index = if_nametoindex(name), .because = ""};

	if (!d.index || !strcmp(name, "lo") || device_find(devices, name))
		return;
	snprintf(d.name, sizeof(d.name), "%s", name);
	vec_push(&devices->list, d);
}

/* Those with a default route: /proc has each route in a line, of IPv4 and of IPv6. */
static void find_routed(struct outside_devices *devices)
{
	char line[512], name[IF_NAMESIZE], to[33], mask[9];
	FILE *f = fopen("/proc/self/net/route", "re");
	unsigned flags;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%15s %8s %*s %*s %*s %*s %*s %8s", name, to, mask) == 3 &&
		    !strcmp(to, "00000000") && !strcmp(mask, "00000000"))
			device_add(devices, name);
	if (f)
		fclose(f);
	f = fopen("/proc/self/net/ipv6_route", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%32s %2s %*s %*s %*s %*s %*s %*s %x %15s", to, mask, &flags, name) ==
			    4 &&
		    !strcmp(mask, "00") && strspn(to, "0") == 32)
			device_add(devices, name);
	if (f)
		fclose(f);
}

static void find_named(const char *list, struct outside_devices *devices)
{
	char name[IF_NAMESIZE];

	while ((list = word_next(list, name, sizeof(name))))
		device_add(devices, name);
}

static void address_put(struct node_watch *n, struct outside_device *d, const struct inet *address)
{
	struct inet *it;

	if (inet_is_v4(address) && !d->has_ipv4) {
		d->ipv4 = *address;
		d->has_ipv4 = true;
	}
	if (!inet_is_v4(address) && !d->has_ipv6) {
		d->ipv6 = *address;
		d->has_ipv6 = true;
	}
	vec_each(&n->addresses, it)
		if (inet_equal(it, address))
			return;
	vec_push(&n->addresses, *address);
}

static void link_put(struct outside_device *d, const struct sockaddr_ll *link)
{
	if (link->sll_halen == sizeof(d->link))
		memcpy(d->link, link->sll_addr, sizeof(d->link));
}

static void read_addresses(struct node_watch *n, const char *names)
{
	struct ifaddrs *all = NULL, *it;
	struct outside_device *d;
	char word[INET_TEXT];
	struct inet address;

	if (getifaddrs(&all))
		return;
	for (it = all; it; it = it->ifa_next) {
		d = device_find(&n->devices, it->ifa_name);
		if (d && it->ifa_addr && it->ifa_addr->sa_family == AF_PACKET)
			link_put(d, (const void *)it->ifa_addr);
		if (d && inet_of_device(it->ifa_addr, &address))
			address_put(n, d, &address);
	}
	freeifaddrs(all);
	if (!names)
		return;
	n->addresses.nr = 0;
	while ((names = word_next(names, word, sizeof(word))))
		if (inet_parse(word, &address))
			vec_push(&n->addresses, address);
}

/* ---- following ---- */

static void node_read(struct agent *a)
{
	struct node_watch *n = &a->node;
	struct outside_devices before = n->devices;
	struct outside_device *d, *was;

	memset(&n->devices, 0, sizeof(n->devices));
	n->addresses.nr = 0;
	if (a->options->node_devices)
		find_named(a->options->node_devices, &n->devices);
	else
		find_routed(&n->devices);
	read_addresses(n, a->options->node_addresses);
	vec_each(&n->devices.list, d) {
		was = device_find(&before, d->name);
		if (was && was->index == d->index) {
			d->hook = was->hook;
			d->because = was->because;
		}
	}
	vec_free(&before.list);
	datapath_node_addresses(a->dp, n->addresses.at, n->addresses.nr);
}

void node_settle(struct agent *a)
{
	if (a->options->outside != OUTSIDE_OFF && datapath_outside_wanted(a->dp))
		datapath_outside(a->dp, &a->node.devices, a->options->outside);
}

/* Node ports move to where the addresses are now. */
static void later_expired(void *arg)
{
	struct agent *a = arg;
	struct diags diags = {0};

	node_read(a);
	if (a->in_force && datapath_sync(a->dp, a->plan, &diags))
		diags_print(&diags, stderr);
	diags_free(&diags);
	node_settle(a);
	loop_timer_set(a->reclaim, 1000, 0);
}

static void netlink_ready(uint32_t events, void *arg)
{
	struct agent *a = arg;
	char buffer[8192];

	(void)events;
	/* What is lost (ENOBUFS) is no matter: all is read anew. */
	while (recv(a->node.netlink, buffer, sizeof(buffer), MSG_DONTWAIT) > 0 || errno == ENOBUFS)
		;
	loop_timer_set(a->node.later, LATER_MS, 0);
}

int node_start(struct agent *a)
{
	const struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
			     (a->options->node_devices ? 0 : RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE),
	};
	struct node_watch *n = &a->node;
	int err;

	if (a->options->outside == OUTSIDE_OFF) {
		datapath_outside_off(a->dp);
		return 0;
	}
	n->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (n->netlink == -1)
		return -errno;
	if (bind(n->netlink, (const struct sockaddr *)&groups, sizeof(groups)))
		return -errno;
	err = loop_timer(a->loop, later_expired, a, &n->later);
	if (!err)
		err = loop_add(a->loop, n->netlink, EPOLLIN, netlink_ready, a, &n->source);
	if (!err)
		node_read(a);
	return err;
}

void node_stop(struct agent *a)
{
	struct node_watch *n = &a->node;

	if (n->later)
		loop_timer_remove(n->later);
	if (n->netlink > 0)
		close(n->netlink);
	vec_free(&n->devices.list);
	vec_free(&n->addresses);
}

json_t *node_json(const struct agent *a)
{
	json_t *devices = json_array(), *addresses = json_array();
	const struct outside_device *d;
	const struct inet *it;
	char text[INET_TEXT];

	vec_each(&a->node.devices.list, d)
		json_array_append_new(devices,
				      json_pack("{s:s,s:s,s:s}", "device", d->name, "hook",
						outside_hook_names[d->hook], "because", d->because));
	vec_each(&a->node.addresses, it)
		json_array_append_new(addresses, json_string(inet_print(it, text)));
	return json_pack("{s:o,s:o}", "devices", devices, "addresses", addresses);
}
