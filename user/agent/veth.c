// SPDX-License-Identifier: GPL-2.0
/* Asks the kernel over rtnetlink for veth devices and the namespaces of their other ends. */
#include "agent/veth.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER 32768 /* the kernel fills no more at once */

static int ask(const void *request, size_t size)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd == -1)
		return -errno;
	if (send(fd, request, size, 0) == -1) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static bool is_kind(const struct rtattr *info, const char *kind)
{
	const struct rtattr *it = RTA_DATA(info);
	int left = (int)RTA_PAYLOAD(info);

	for (; RTA_OK(it, left); it = RTA_NEXT(it, left))
		if (it->rta_type == IFLA_INFO_KIND)
			return !strncmp(RTA_DATA(it), kind, RTA_PAYLOAD(it));
	return false;
}

static void link_take(const struct nlmsghdr *h, struct veths *out)
{
	const struct ifinfomsg *link = NLMSG_DATA(h);
	const struct rtattr *it = IFLA_RTA(link);
	struct veth v = {.index = (unsigned)link->ifi_index, .nsid = -1};
	int left = (int)IFLA_PAYLOAD(h);
	bool veth = false;

	for (; RTA_OK(it, left); it = RTA_NEXT(it, left)) {
		if (it->rta_type == IFLA_LINKINFO)
			veth = is_kind(it, "veth");
		if (it->rta_type == IFLA_LINK_NETNSID)
			memcpy(&v.nsid, RTA_DATA(it), sizeof(v.nsid));
	}
	if (veth && v.nsid >= 0)
		vec_push(&out->list, v);
}

/* 1: there is more to come; 0: that was all; -errno */
static int links_take(const char *buffer, ssize_t length, struct veths *out)
{
	const struct nlmsghdr *h = (const void *)buffer;

	if (length <= 0)
		return length ? -errno : -EIO;
	for (unsigned left = (unsigned)length; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
		if (h->nlmsg_type == RTM_NEWLINK)
			link_take(h, out);
	}
	return 1;
}

int veths_read(struct veths *out)
{
	static char buffer[ANSWER] __attribute__((aligned(8)));
	const struct {
		struct nlmsghdr h;
		struct ifinfomsg link;
	} request = {
		.h = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.link = {.ifi_family = AF_UNSPEC},
	};
	int err = 1, fd = ask(&request, sizeof(request));

	if (fd < 0)
		return fd;
	while (err == 1)
		err = links_take(buffer, recv(fd, buffer, sizeof(buffer), 0), out);
	close(fd);
	return err;
}

/* An attribute of one 32-bit word. */
struct word {
	struct rtattr a;
	int32_t value;
};

static int nsid_in(const char *buffer, ssize_t length)
{
	const struct nlmsghdr *h = (const void *)buffer;
	const struct rtattr *it;
	int32_t nsid = -1;
	int left;

	if (length < (ssize_t)NLMSG_LENGTH(sizeof(struct rtgenmsg)) || h->nlmsg_type != RTM_NEWNSID)
		return -1;
	it = (const void *)((const char *)NLMSG_DATA(h) + NLMSG_ALIGN(sizeof(struct rtgenmsg)));
	left = (int)(h->nlmsg_len - NLMSG_SPACE(sizeof(struct rtgenmsg)));
	for (; RTA_OK(it, left); it = RTA_NEXT(it, left))
		if (it->rta_type == NETNSA_NSID)
			memcpy(&nsid, RTA_DATA(it), sizeof(nsid));
	return nsid;
}

int veth_nsid(const char *path)
{
	struct {
		struct nlmsghdr h;
		struct rtgenmsg family;
		char pad[NLMSG_ALIGN(sizeof(struct rtgenmsg)) - sizeof(struct rtgenmsg)];
		struct word fd;
	} request = {
		.h = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETNSID,
		      .nlmsg_flags = NLM_F_REQUEST},
		.fd = {.a = {.rta_len = sizeof(struct word), .rta_type = NETNSA_FD}},
	};
	char buffer[512] __attribute__((aligned(8)));
	int fd, nsid = -1, ns = open(path, O_RDONLY | O_CLOEXEC);

	if (ns == -1)
		return -1;
	request.fd.value = ns;
	fd = ask(&request, sizeof(request));
	if (fd >= 0) {
		nsid = nsid_in(buffer, recv(fd, buffer, sizeof(buffer), 0));
		close(fd);
	}
	close(ns);
	return nsid;
}
