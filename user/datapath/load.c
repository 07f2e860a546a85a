/* SPDX-License-Identifier: GPL-2.0 */
/* Programs and links: loaded, attached to the cgroup, pinned; adopted, replaced, removed. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "connect.skel.h"
#include "datapath/datapath.h"
#include "datapath/load.h"
#include "datapath/maps.h"
#include "datapath/older.h"
#include "datapath/probe.h"
#include "datapath/proxy.h"
#include "datapath/unlimit.h"
#include "sockopt.skel.h"
#include "sockops.skel.h"

/* In this order they are attached: who watches closes comes before who opens. */
const char *const link_names[NR_LINKS] = {
	"link_getsockopt",   "link_setsockopt",	  "link_sockops",  "link_sock_release",
	"link_getpeername4", "link_getpeername6", "link_connect4", "link_connect6",
};

struct programs {
	struct connect_bpf *connect;
	struct sockops_bpf *sockops;
	struct sockopt_bpf *sockopt;
	struct bpf_program *by_link[NR_LINKS];
};

/* The first complaint of libbpf or of the verifier: the cause. With -v all of them are shown. */
static char first_line[512];

static int keep_line(enum libbpf_print_level level, const char *format, va_list args)
{
	va_list again;

	va_copy(again, args);
	if (level == LIBBPF_WARN && !*first_line)
		vsnprintf(first_line, sizeof(first_line), format, again);
	va_end(again);
	if (log_verbose)
		return vfprintf(stderr, format, args);
	return 0;
}

/* A number that differs whenever the programs do (FNV-1a over all objects). */
static uint64_t build_id(void)
{
	uint64_t h = 0xcbf29ce484222325ULL;
	size_t n[3];
	const unsigned char *object[3];

	object[0] = connect_bpf__elf_bytes(&n[0]);
	object[1] = sockops_bpf__elf_bytes(&n[1]);
	object[2] = sockopt_bpf__elf_bytes(&n[2]);
	for (int k = 0; k < 3; k++)
		for (size_t i = 0; i < n[k]; i++)
			h = (h ^ object[k][i]) * 0x100000001b3ULL;
	return h;
}

static int set_pins(struct bpf_object *object, const char *root)
{
	struct bpf_map *map;
	char path[256];

	bpf_object__for_each_map(map, object) {
		if (bpf_map__is_internal(map))
			continue;
		pin_path(path, sizeof(path), root, bpf_map__name(map));
		if (bpf_map__set_pin_path(map, path))
			return -errno;
	}
	return 0;
}

static void programs_free(struct programs *p)
{
	connect_bpf__destroy(p->connect);
	sockops_bpf__destroy(p->sockops);
	sockopt_bpf__destroy(p->sockopt);
}

static int load_failed(struct programs *p, const char *root, char **why)
{
	bool other = strstr(first_line, "parameter mismatch");
	char *end = strchr(first_line, '\n');

	if (end)
		*end = '\0';
	if (other)
		*why = xasprintf("the maps below %s/%s have other sizes than this program's: run "
				 "`shunt unload --root %s` first",
				 BPFFS, root, root);
	else
		*why = xasprintf("the kernel refused the programs: %s",
				 *first_line ? first_line : strerror(errno));
	programs_free(p);
	return other ? -EPROTO : -EOPNOTSUPP;
}

/* Loads all objects over the pinned maps of root, making those that are missing. */
static int programs_load(struct programs *p, const char *root, char **why)
{
	memset(p, 0, sizeof(*p));
	*first_line = '\0';
	p->connect = connect_bpf__open();
	p->sockops = sockops_bpf__open();
	p->sockopt = sockopt_bpf__open();
	if (!p->connect || !p->sockops || !p->sockopt || set_pins(p->connect->obj, root) ||
	    set_pins(p->sockops->obj, root) || set_pins(p->sockopt->obj, root))
		return load_failed(p, root, why);
	if (connect_bpf__load(p->connect) || sockops_bpf__load(p->sockops) ||
	    sockopt_bpf__load(p->sockopt))
		return load_failed(p, root, why);
	p->by_link[0] = p->sockopt->progs.original_dst;
	p->by_link[1] = p->sockopt->progs.take_place;
	p->by_link[2] = p->sockops->progs.tcp_life;
	p->by_link[3] = p->sockops->progs.sock_release;
	p->by_link[4] = p->connect->progs.getpeername4;
	p->by_link[5] = p->connect->progs.getpeername6;
	p->by_link[6] = p->connect->progs.connect4;
	p->by_link[7] = p->connect->progs.connect6;
	return 0;
}

/*
 * Makes the maps in a child that has left the agent's memory cgroup; see unlimit.h. When the child
 * fails, so will the parent's own try, which has the words for it.
 */
static void make_maps(const char *root)
{
	struct programs programs;
	char *why = NULL;
	pid_t child = fork();

	if (child == 0) {
		leave_memory_cgroup();
		_exit(programs_load(&programs, root, &why) ? 1 : 0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

int link_open(const char *root, int which)
{
	char path[256];
	int fd;

	pin_path(path, sizeof(path), root, link_names[which]);
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
static int link_put(const char *root, int which, struct bpf_program *program, int cgroup,
		    char **why)
{
	int err, fd = link_open(root, which);
	struct bpf_link *link;
	char path[256];

	if (fd >= 0) {
		err = bpf_link_update(fd, bpf_program__fd(program), NULL) ? -errno : 0;
		close(fd);
		if (err)
			*why = xasprintf("replacing %s failed: %s", link_names[which],
					 strerror(-err));
		return err;
	}
	link = bpf_program__attach_cgroup(program, cgroup);
	if (!link) {
		err = -errno;
		*why = xasprintf("attaching %s failed: %s", link_names[which], strerror(-err));
		return err;
	}
	pin_path(path, sizeof(path), root, link_names[which]);
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
		if (i >= LINKS_ON_PROXY && !link_cgroup(fd, &at) && at != id)
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

/* `fresh`: nothing was attached before, so what is open now stays unseen. */
static int control_write(const char *root, uint64_t proxy, bool fresh)
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
	control.build = build_id();
	control.proxy = proxy;
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
	uint64_t id = 0;
	int cgroup = -1, proxy = -1, err;

	make_maps(root); /* those that this program adds, too */
	err = programs_load(&programs, root, why);
	if (err)
		return err;
	cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup < 0) {
		err = -errno;
		*why = xasprintf("%s: %s", path, strerror(-err));
	}
	if (!err)
		err = proxy_cgroup_make(root, cgroup, &proxy, &id, why);
	for (int i = 0; i < NR_LINKS && !err; i++)
		err = link_put(root, i, programs.by_link[i], i < LINKS_ON_PROXY ? proxy : cgroup,
			       why);
	if (proxy >= 0)
		close(proxy);
	if (cgroup >= 0)
		close(cgroup);
	programs_free(&programs);
	if (!err)
		err = control_write(root, id, fresh);
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
	libbpf_set_print(keep_line);
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
	if (links == NR_LINKS && !control_read(root, &control) && control.build == build_id())
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
	/* New connections first go unsteered, then those who watch closes may leave. */
	for (int i = NR_LINKS - 1; i >= 0; i--) {
		pin_path(path, sizeof(path), root, link_names[i]);
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
