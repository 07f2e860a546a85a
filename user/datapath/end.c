// SPDX-License-Identifier: GPL-2.0
/*
 * Ends connections that were chosen, in the network namespace that the calling thread is in: by
 * iterators over its sockets; where the kernel has no call for that, one by one through sock_diag,
 * which asks for CONFIG_INET_DIAG_DESTROY.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "datapath/end.h"
#include "datapath/kernel.h"

static int iterate(struct bpf_link *link)
{
	int err = 0, fd = bpf_iter_create(bpf_link__fd(link));
	char buffer[64];
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (!err && (n = read(fd, buffer, sizeof(buffer))) != 0)
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			err = -errno;
	close(fd);
	return err;
}

struct destroy_request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 of;
};

static void request_fill(struct destroy_request *r, const struct leaving *l)
{
	size_t size = l->family == AF_INET ? 4 : 16;

	memset(r, 0, sizeof(*r));
	r->head.nlmsg_len = sizeof(*r);
	r->head.nlmsg_type = SOCK_DESTROY;
	r->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	r->of.sdiag_family = l->family;
	r->of.sdiag_protocol = l->protocol;
	r->of.idiag_states = ~0U;
	r->of.id.idiag_sport = htons(l->local_port);
	r->of.id.idiag_dport = htons(l->remote_port);
	memcpy(r->of.id.idiag_src, l->local, size);
	memcpy(r->of.id.idiag_dst, l->remote, size);
	r->of.id.idiag_if = l->device;
	r->of.id.idiag_cookie[0] = (uint32_t)l->cookie;
	r->of.id.idiag_cookie[1] = (uint32_t)(l->cookie >> 32);
}

/* -ENOENT: it has ended already, or its ports are another connection's by now. */
static int destroy_one(int diag, const struct leaving *l)
{
	struct destroy_request request;
	struct {
		struct nlmsghdr head;
		struct nlmsgerr body;
		struct destroy_request echo;
	} reply;

	request_fill(&request, l);
	if (send(diag, &request, sizeof(request), 0) != sizeof(request) ||
	    recv(diag, &reply, sizeof(reply), 0) < (ssize_t)NLMSG_LENGTH(sizeof(int)))
		return errno ? -errno : -EPROTO;
	return reply.head.nlmsg_type == NLMSG_ERROR ? reply.body.error : -EPROTO;
}

int sockets_destroy(const struct leaving *list, size_t nr)
{
	int err = 0, diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (diag == -1)
		return -errno;
	for (size_t i = 0; i < nr; i++) {
		int one = destroy_one(diag, &list[i]);

		err = one && one != -ENOENT && !err ? one : err;
	}
	close(diag);
	return err;
}

int datapath_drain_end(struct datapath *dp, const struct leaving *list, size_t nr)
{
	bool tcp = false, udp = false;
	int err = 0;

	if (!datapath_drain_iterates(dp))
		return sockets_destroy(list, nr);
	for (size_t i = 0; i < nr; i++) {
		tcp |= list[i].protocol == IPPROTO_TCP;
		udp |= list[i].protocol == IPPROTO_UDP;
	}
	if (tcp)
		err = iterate(dp->end_tcp);
	if (udp && !err)
		err = iterate(dp->end_udp);
	return err;
}
