/* SPDX-License-Identifier: GPL-2.0 */
/* Programs and links: loaded, attached to the cgroup, pinned; adopted, replaced, removed. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"
#include "datapath/datapath.h"
#include "datapath/load.h"
#include "datapath/maps.h"
#include "datapath/objects.h"
#include "datapath/older.h"
#include "datapath/probe.h"
#include "datapath/proxy.h"
#include "datapath/splice.h"
#include "datapath/tc_hook.h"
#include "datapath/unlimit.h"
#include <shunt/splice.h>

/* In this order they are attached: who watches closes comes before who opens. */
const struct link_info link_infos[NR_LINKS] = {
	{"link_getsockopt", OBJECT_SOCKOPT, "original_dst", LINK_ON_PROXY},
	{"link_setsockopt", OBJECT_SOCKOPT, "take_place", LINK_ON_PROXY},
	{"link_sockops", OBJECT_SOCKOPS, "tcp_life"},
	{"link_sock_release", OBJECT_SOCKOPS, "sock_release"},
	{"link_getpeername4", OBJECT_CONNECT, "getpeername4"},
	{"link_getpeername6", OBJECT_CONNECT, "getpeername6"},
	{"link_recvmsg4", OBJECT_UDP, "recvmsg4"},
	{"link_recvmsg6", OBJECT_UDP, "recvmsg6"},
	{"link_sendmsg4", OBJECT_UDP, "sendmsg4"},
	{"link_sendmsg6", OBJECT_UDP, "sendmsg6"},
	{"link_connect4", OBJECT_CONNECT, "connect4"},
	{"link_connect6", OBJECT_CONNECT, "connect6"},
};

/* The objects that links are of. */
struct programs {
	struct bpf_object *object[NR_OBJECTS];
};

static void programs_free(struct programs *p)
{
	for (int i = 0; i < NR_OBJECTS; i++)
		bpf_object__close(p->object[i]);
}

/* Loads them over the pinned maps of root, making those that are missing. */
static int programs_load(struct programs *p, const char *root,
			 int (*load)(enum object_id id, const char *root, struct bpf_object **out,
				     char **why),
			 char **why)
{
	int err = 0;

	memset(p, 0, sizeof(*p));
	for (int i = 0; i < NR_LINKS && !err; i++)
		if (!p->object[link_infos[i].object])
			err = load(link_infos[i].object, root,
				   &p->object[link_infos[i].object], why);
	if (err)
		programs_free(p);
	return err;
}

/*
 * Makes the maps in a child that has left the agent's memory cgroup; see unlimit.h. When the child
 * fails, so will the parent's own try, which has the words for it. The programs are the parent's
 * alone, as verifying them takes long.
 */
static void make_maps(const char *root)
{
	struct programs programs;
	char *why = NULL;
	pid_t child = fork();

	if (child == 0) {
		leave_memory_cgroup();
		_exit(programs_load(&programs, root, object_load_maps, &why) ? 1 : 0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

int link_open(const char *root, int which)
{
	char path[256];
	int fd;

	pin_path(path, sizeof(path), root, link_infos[which].name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

int link_cgroup(int fd, uint64_t *out)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	*out = info.cgroup.cgroup_id;
	return 0;
}

/* Attaches one program, or puts it in the place of the one that is attached, without a gap. */
static int link_put(const char *root, int which, const struct programs *programs, int cgroup,
		    char **why)
{
	const struct link_info *info = &link_infos[which];
	struct bpf_program *program =
		bpf_object__find_program_by_name(programs->object[info->object], info->program);
	int err, fd = link_open(root, which);
	struct bpf_link *link;
	char path[256];

	if (fd >= 0) {
		err = bpf_link_update(fd, bpf_program__fd(program), NULL) ? -errno : 0;
		close(fd);
		if (err)
			*why = xasprintf("replacing %s failed: %s", link_infos[which].name,
					 strerror(-err));
		return err;
	}
	link = bpf_program__attach_cgroup(program, cgroup);
	if (!link) {
		err = -errno;
		*why = xasprintf("attaching %s failed: %s", link_infos[which].name, strerror(-err));
		return err;
	}
	pin_path(path, sizeof(path), root, link_infos[which].name);
	err = bpf_link__pin(link, path);
	bpf_link__destroy(link);
	if (err)
		*why = xasprintf("pinning %s failed: %s", path, strerror(-err));
	return err;
}

/* How many links are pinned; *differs when one sits on another cgroup than `id`. */
static int count_links(const char *root, uint64_t id, bool *differs)
{
	int n = 0;

	*differs = false;
	for (int i = 0; i < NR_LINKS; i++) {
		int fd = link_open(root, i);
		uint64_t at = 0;

		if (fd < 0)
			continue;
		n++;
		if (link_infos[i].on == LINK_ON_CGROUP && !link_cgroup(fd, &at) && at != id)
			*differs = true;
		close(fd);
	}
	return n;
}

static int control_read(const char *root, struct control *out)
{
	char path[256];
	__u32 zero = 0;
	int err, fd;

	pin_path(path, sizeof(path), root, "control");
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	err = bpf_map_lookup_elem(fd, &zero, out) ? -errno : 0;
	close(fd);
	return err;
}

/* A coarse clock moves once a tick; 0: not known. */
static uint32_t tick_hz(void)
{
	struct timespec tick;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || tick.tv_sec || !tick.tv_nsec)
		return 0;
	return (1000000000 + tick.tv_nsec / 2) / tick.tv_nsec;
}

/* `fresh`: nothing was attached before, so what is open now stays unseen. */
static int control_write(const char *root, uint64_t proxy, uint32_t splice, bool fresh)
{
	struct control control = {0};
	char path[256];
	__u32 zero = 0;
	int err, fd;

	pin_path(path, sizeof(path), root, "control");
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	bpf_map_lookup_elem(fd, &zero, &control);
	control.layout = SHUNT_LAYOUT;
	control.build = objects_build();
	control.proxy = proxy;
	control.splice = (control.splice & (SPLICE_ALL | SPLICE_CALLERS)) | splice;
	control.hz = tick_hz();
	if (fresh)
		control.older = older_sockets();
	err = bpf_map_update_elem(fd, &zero, &control, 0) ? -errno : 0;
	close(fd);
	return err;
}

static int check_layout(const char *root, char **why)
{
	struct control control = {0};

	if (control_read(root, &control) || !control.layout || control.layout == SHUNT_LAYOUT)
		return 0;
	*why = xasprintf("what is loaded below %s/%s has layout %u and live sockets carry it; this "
			 "program knows layout %d: run `shunt unload --root %s` first",
			 BPFFS, root, control.layout, SHUNT_LAYOUT, root);
	return -EPROTO;
}

static int find_cgroup(const char *given, char *path, size_t size, uint64_t *id, char **why)
{
	int err = 0;

	if (given)
		snprintf(path, size, "%s", given);
	else
		err = probe_cgroup2(path, size);
	if (!err)
		err = cgroup_id(path, id);
	if (err)
		*why = xasprintf("%s is no cgroup2 folder: %s", given ? given : "the cgroup2 root",
				 strerror(-err));
	return err;
}

static int load_and_attach(const char *root, const char *path, bool fresh, char **why)
{
	struct programs programs;
	uint32_t splice = 0;
	uint64_t id = 0;
	int cgroup = -1, proxy = -1, err;

	make_maps(root); /* those that this program adds, too */
	err = programs_load(&programs, root, object_load, why);
	if (err)
		return err;
	cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup < 0) {
		err = -errno;
		*why = xasprintf("%s: %s", path, strerror(-err));
	}
	if (!err)
		err = splice_attach(root, &splice, why);
	if (!err)
		err = proxy_cgroup_make(root, cgroup, &proxy, &id, why);
	for (int i = 0; i < NR_LINKS && !err; i++)
		err = link_put(root, i, &programs,
			       link_infos[i].on == LINK_ON_PROXY ? proxy : cgroup, why);
	if (proxy >= 0)
		close(proxy);
	if (cgroup >= 0)
		close(cgroup);
	programs_free(&programs);
	if (!err)
		err = control_write(root, id, splice, fresh);
	return err;
}

int datapath_load(const char *root, const char *cgroup, int *did, char **why)
{
	struct control control = {0};
	char path[1024], pins[256];
	bool differs, fresh;
	uint64_t id;
	int err, links;

	*did = 0;
	err = probe_machine(why);
	if (!err)
		err = check_layout(root, why);
	if (!err)
		err = find_cgroup(cgroup, path, sizeof(path), &id, why);
	if (err)
		return err;
	links = count_links(root, id, &differs);
	if (differs && (cgroup || links < NR_LINKS)) {
		*why = xasprintf("programs of root %s are attached to another cgroup than %s: run "
				 "`shunt unload --root %s` first",
				 root, path, root);
		return -EBUSY;
	}
	if (links == NR_LINKS && !control_read(root, &control) && control.build == objects_build())
		return 0;
	pin_path(pins, sizeof(pins), root, "");
	fresh = !mkdir(pins, 0700);
	err = load_and_attach(root, path, !links, why);
	if (err && fresh) {
		char *ignored = NULL;

		datapath_unload(root, &ignored);
		free(ignored);
	}
	*did = err ? 0 : NR_LINKS;
	return err;
}

int datapath_unload(const char *root, char **why)
{
	char path[256];
	struct dirent *entry;
	DIR *dir;
	int err = 0;

	*why = NULL;
	pin_path(path, sizeof(path), root, "");
	dir = opendir(path);
	if (!dir) {
		err = -errno;
		*why = err == -ENOENT ? xasprintf("nothing is loaded below %s", path) :
					xasprintf("%s: %s", path, strerror(-err));
		return err;
	}
	proxy_cgroup_remove(root);
	tc_hooks_unload(root);
	/* New connections first go unsteered, then those who watch closes may leave. */
	for (int i = NR_LINKS - 1; i >= 0; i--) {
		pin_path(path, sizeof(path), root, link_infos[i].name);
		if (unlink(path) && errno != ENOENT)
			err = -errno;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		pin_path(path, sizeof(path), root, entry->d_name);
		if (unlink(path))
			err = -errno;
	}
	closedir(dir);
	pin_path(path, sizeof(path), root, "");
	if (rmdir(path))
		err = -errno;
	if (err)
		*why = xasprintf("%s could not be removed: %s", path, strerror(-err));
	return err;
}
