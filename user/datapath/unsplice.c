/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Spliced connections passed back to TCP: all that is sent from here on goes by TCP, and a socket is
 * let go when it has read what was queued to it before.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/mem.h"
#include "datapath/clock.h"
#include "datapath/datapath.h"
#include "datapath/maps.h"
#include "datapath/objects.h"
#include "datapath/splice.h"
#include <shunt/counters.h>
#include <shunt/limits.h>
#include <shunt/splice.h>

#define DRAIN_NS 10000000000ULL
/* A message on its way when the word was set is queued long before this. */
#define SETTLE_NS 1000000000ULL
#define LOOK_US 50000

struct looker {
	struct bpf_object *object;
	struct bpf_program *program;
	int splices, seen;
	struct spliced *rows;
};

static int mode_set(const char *root, uint32_t mode)
{
	struct control *control = NULL;
	char path[256];
	int err, fd;

	pin_path(path, sizeof(path), root, "control");
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	err = map_mmap(fd, MAP_CONTROL, 1, (void **)&control);
	close(fd);
	if (err)
		return err;
	__atomic_fetch_or(&control->splice, mode, __ATOMIC_RELAXED);
	map_munmap(MAP_CONTROL, control);
	return 0;
}

static void looker_close(struct looker *l)
{
	if (l->rows)
		munmap(l->rows, sizeof(*l->rows) * SHUNT_MAX_SPLICES);
	bpf_object__close(l->object);
}

static int looker_open(struct looker *l, const char *root, char **why)
{
	struct bpf_map *rows, *seen;
	void *at;
	int err;

	memset(l, 0, sizeof(*l));
	l->object = object_open(OBJECT_SPLICED, root, why);
	if (!l->object)
		return -EOPNOTSUPP;
	rows = bpf_object__find_map_by_name(l->object, "rows");
	seen = bpf_object__find_map_by_name(l->object, "seen");
	err = bpf_map__set_pin_path(rows, NULL);
	if (!err)
		err = bpf_map__set_pin_path(seen, NULL);
	if (!err)
		err = object_load_opened(l->object, root, why);
	if (err)
		goto out;
	l->program = bpf_object__find_program_by_name(l->object, "list_spliced");
	l->splices = bpf_object__find_map_fd_by_name(l->object, "splices");
	l->seen = bpf_map__fd(seen);
	at = mmap(NULL, sizeof(*l->rows) * SHUNT_MAX_SPLICES, PROT_READ, MAP_SHARED,
		  bpf_map__fd(rows), 0);
	if (at == MAP_FAILED)
		err = -errno;
	else
		l->rows = at;
out:
	if (err)
		looker_close(l);
	return err;
}

/* How many sockets are spliced; -errno. */
static int64_t look(struct looker *l)
{
	union bpf_iter_link_info info = {.map.map_fd = l->splices};
	DECLARE_LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info,
			    .link_info_len = sizeof(info));
	struct bpf_link *link = bpf_program__attach_iter(l->program, &opts);
	uint64_t seen = 0;
	uint32_t zero = 0;
	int err = 0, fd;
	char byte;

	if (!link)
		return -errno;
	bpf_map_update_elem(l->seen, &zero, &seen, BPF_ANY);
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0 || read(fd, &byte, 1) < 0 || bpf_map_lookup_elem(l->seen, &zero, &seen))
		err = -errno;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	if (err)
		return err;
	return seen < SHUNT_MAX_SPLICES ? seen : SHUNT_MAX_SPLICES;
}

/* Lets those go that have read all; how many there were that had not. */
static int64_t let_go(struct looker *l, bool settled)
{
	int64_t left = 0, n = look(l);

	for (int64_t i = 0; i < n; i++)
		if (l->rows[i].queued || !settled)
			left++;
		else
			bpf_map_delete_elem(l->splices, &l->rows[i].cookie);
	return n < 0 ? n : left;
}

/* Those that are left at the end. */
static void tell_left(struct looker *l, bool reset, unsplice_tell *tell)
{
	int64_t n = look(l);

	for (int64_t i = 0; i < n; i++)
		if (l->rows[i].queued)
			tell(&l->rows[i], reset ? splice_reset(&l->rows[i]) : 1);
}

int datapath_unsplice(const char *root, bool reset, unsplice_tell *tell, char **why)
{
	uint64_t begin;
	struct looker l;
	int64_t left;
	int err = mode_set(root, SPLICE_PASS);

	*why = NULL;
	if (err == -ENOENT)
		return 0;
	if (!err)
		err = looker_open(&l, root, why);
	if (err)
		return err;
	grace_period();
	begin = now_ns();
	left = look(&l);
	while (left > 0 && now_ns() - begin < DRAIN_NS) {
		usleep(LOOK_US);
		left = let_go(&l, now_ns() - begin > SETTLE_NS);
	}
	if (left > 0)
		tell_left(&l, reset, tell);
	looker_close(&l);
	return left < 0 ? (int)left : 0;
}
