// SPDX-License-Identifier: GPL-2.0
/* What the kernel side knows of the L7 proxy: its cgroup, that it lives, where it listens. */
#include "datapath/proxy.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <shunt/proxy.h>
#include "base/log.h"
#include "datapath/kernel.h"
#include "datapath/load.h"
#include "datapath/probe.h"

#define END_TRIES 200 /* of 10 ms each, for processes to be gone */

/* ---- its cgroup ---- */

int proxy_cgroup_make(const char *root, int cgroup, int *fd, uint64_t *id, char **why)
{
	char *name = xasprintf("%s-proxy", root);
	struct stat st;
	int err = 0;

	if (mkdirat(cgroup, name, 0755) && errno != EEXIST)
		err = -errno;
	*fd = err ? -1 : openat(cgroup, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err && (*fd == -1 || fstat(*fd, &st)))
		err = -errno;
	if (err)
		*why = xasprintf("the cgroup %s of the proxy: %s", name, strerror(-err));
	else
		*id = st.st_ino; /* as in cgroup_id */
	free(name);
	return err;
}

/* The folder of a cgroup by its id, which is also its file handle. */
static int cgroup_folder(uint64_t id, char *out, size_t size)
{
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = {.head = {.handle_bytes = sizeof(id), .handle_type = 0xfe}};
	char mount[1024], link[64];
	int fd, at, err = probe_cgroup2(mount, sizeof(mount));
	ssize_t length;

	if (err)
		return err;
	memcpy(handle.head.f_handle, &id, sizeof(id));
	at = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at == -1)
		return -errno;
	fd = open_by_handle_at(at, &handle.head, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = -errno;
	close(at);
	if (fd == -1)
		return err;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, out, size - 1);
	err = length == -1 ? -errno : 0;
	if (!err)
		out[length] = '\0';
	close(fd);
	return err;
}

static int proxy_folder(const char *root, char *out, size_t size)
{
	int err, fd = link_open(root, 0);
	uint64_t id;

	if (fd < 0)
		return fd;
	err = link_cgroup(fd, &id);
	close(fd);
	return err ? err : cgroup_folder(id, out, size);
}

int datapath_proxy_cgroup(struct datapath *dp, char *out, size_t size)
{
	return proxy_folder(dp->root, out, size);
}

void proxy_cgroup_remove(const char *root)
{
	char folder[1024], kill[1040];
	int fd;

	if (proxy_folder(root, folder, sizeof(folder)))
		return;
	snprintf(kill, sizeof(kill), "%s/cgroup.kill", folder);
	fd = open(kill, O_WRONLY | O_CLOEXEC);
	if (fd != -1) {
		if (write(fd, "1", 1) != 1)
			log_error("%s: %s", kill, strerror(errno));
		close(fd);
	}
	for (int i = 0; i < END_TRIES && rmdir(folder) && errno == EBUSY; i++)
		usleep(10000);
}

/* ---- that it lives ---- */

int datapath_heartbeat(struct datapath *dp)
{
	return dp->fds[MAP_HEARTBEAT];
}

int64_t datapath_beat(struct datapath *dp)
{
	uint32_t zero = 0;
	int64_t word = 0;

	bpf_map_lookup_elem(dp->fds[MAP_HEARTBEAT], &zero, &word);
	return word;
}

/* The first beat is ours: the proxy's may be up to its period away. */
static void beat(struct datapath *dp)
{
	uint64_t *word;

	if (map_mmap(dp->fds[MAP_HEARTBEAT], MAP_HEARTBEAT, 1, (void **)&word))
		return;
	__atomic_store_n(word, now_ns(), __ATOMIC_RELEASE);
	map_munmap(MAP_HEARTBEAT, word);
}

int datapath_proxy_alive(struct datapath *dp, int listener)
{
	uint64_t value = (uint64_t)listener;
	uint32_t zero = 0;

	if (listener == -1)
		return bpf_map_delete_elem(dp->fds[MAP_PROXY_ALIVE], &zero) && errno != ENOENT &&
				       errno != EINVAL ?
			       -errno :
			       0;
	beat(dp);
	return bpf_map_update_elem(dp->fds[MAP_PROXY_ALIVE], &zero, &value, BPF_ANY) ? -errno : 0;
}

bool proxy_is_alive(struct datapath *dp)
{
	uint64_t cookie;
	uint32_t zero = 0;

	return !bpf_map_lookup_elem(dp->fds[MAP_PROXY_ALIVE], &zero, &cookie);
}

/* ---- where it listens ---- */

int datapath_listener_set(struct datapath *dp, uint64_t netns, uint16_t ipv4, uint16_t ipv6)
{
	uint64_t word = listener_word(netns, ipv4, ipv6);

	if (ipv4 || ipv6)
		return bpf_map_update_elem(dp->fds[MAP_LISTENERS], &netns, &word, BPF_ANY) ? -errno :
											     0;
	return bpf_map_delete_elem(dp->fds[MAP_LISTENERS], &netns) && errno != ENOENT ? -errno : 0;
}

void datapath_listener_each(struct datapath *dp, void (*each)(uint64_t netns, void *arg),
			    void *arg)
{
	VEC(uint64_t) all = {0};
	uint64_t netns, *it, *previous = NULL;

	while (!bpf_map_get_next_key(dp->fds[MAP_LISTENERS], previous, &netns)) {
		vec_push(&all, netns);
		previous = &all.at[all.nr - 1];
	}
	vec_each(&all, it)
		each(*it, arg);
	vec_free(&all);
}

void datapath_announce(struct datapath *dp, void (*learn)(const struct plan *plan, void *arg),
		       void *arg)
{
	dp->learn = learn;
	dp->learn_arg = arg;
}

int datapath_cluster_hold(struct datapath *dp, const char *host, uint16_t port, const char *subset,
			  uint32_t *slot, uint32_t *generation)
{
	const struct cluster_ref *c = cluster_ref_take(dp, host, port, IPPROTO_TCP, subset);

	if (!c)
		return -ENOSPC;
	*slot = c->slot;
	*generation = c->generation;
	return 0;
}

void datapath_cluster_drop(struct datapath *dp, uint32_t slot)
{
	cluster_ref_drop(dp, slot);
}
