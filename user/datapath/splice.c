/* SPDX-License-Identifier: GPL-2.0 */
/* Joining the local ends of a connection: put in place at load, and taken back. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/mem.h"
#include "datapath/kernel.h"
#include "datapath/objects.h"
#include "datapath/splice.h"
#include <shunt/splice.h>

#define TRIED_BYTES 65536

/* A connection over loopback, both ends ours. */
static int pair_open(int ends[2])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int err = 0, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ends[1] = -1;
	if (listener < 0 || ends[0] < 0 || bind(listener, (struct sockaddr *)&at, size) ||
	    listen(listener, 1) || getsockname(listener, (struct sockaddr *)&at, &size) ||
	    connect(ends[0], (struct sockaddr *)&at, size) ||
	    (ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
		err = -errno;
	if (listener >= 0)
		close(listener);
	return err;
}

/* 1: counted, 0: not. */
static int try_pair(struct bpf_object *object, const int ends[2])
{
	static char bytes[TRIED_BYTES];
	__u32 info[SK_MEMINFO_VARS] = {0}, key;
	int map = bpf_object__find_map_fd_by_name(object, "ends");
	struct bpf_program *program = bpf_object__find_program_by_name(object, "to_second");
	socklen_t size = sizeof(info);

	if (bpf_prog_attach(bpf_program__fd(program), map, BPF_SK_MSG_VERDICT, 0))
		return -errno;
	for (key = 0; key < 2; key++) {
		__u64 fd = ends[key];

		if (bpf_map_update_elem(map, &key, &fd, BPF_ANY))
			return -errno;
	}
	if (send(ends[0], bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL) < TRIED_BYTES / 2 ||
	    getsockopt(ends[1], SOL_SOCKET, SO_MEMINFO, info, &size))
		return -errno;
	return info[SK_MEMINFO_RMEM_ALLOC] >= TRIED_BYTES / 2;
}

/* 1: what is redirected is bounded as all that is sent, 0: it is not. */
static int try_bounds(const char *root)
{
	char *why = NULL;
	struct bpf_object *object = object_open(OBJECT_BOUNDS, root, &why);
	int ends[2] = {-1, -1}, err = object ? 0 : -EOPNOTSUPP;

	if (!err)
		err = bpf_map__set_pin_path(bpf_object__find_map_by_name(object, "ends"), NULL);
	if (!err)
		err = object_load_opened(object, root, &why);
	if (!err)
		err = pair_open(ends);
	if (!err)
		err = try_pair(object, ends);
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
	bpf_object__close(object);
	free(why);
	return err;
}

int splice_attach(const char *root, uint32_t *mode, char **why)
{
	struct bpf_object *object;
	int map, bounded, err = object_load(OBJECT_SPLICE, root, &object, why);
	struct bpf_program *program;

	if (err)
		return err;
	program = bpf_object__find_program_by_name(object, "splice");
	map = bpf_object__find_map_fd_by_name(object, "splices");
	if (bpf_prog_attach(bpf_program__fd(program), map, BPF_SK_MSG_VERDICT, 0)) {
		err = -errno;
		*why = xasprintf("attaching splice failed: %s", strerror(-err));
	}
	bpf_object__close(object);
	bounded = try_bounds(root);
	*mode = bounded == 1 ? SPLICE_BOUNDED : bounded < 0 ? SPLICE_UNTRIED : 0;
	return err;
}

void datapath_splice_all(struct datapath *dp, bool all)
{
	if (all)
		__atomic_fetch_or(&dp->control->splice, SPLICE_ALL, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&dp->control->splice, ~SPLICE_ALL, __ATOMIC_RELAXED);
	__atomic_fetch_and(&dp->control->splice, ~SPLICE_PASS, __ATOMIC_RELAXED);
}
