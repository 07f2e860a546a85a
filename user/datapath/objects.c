/* SPDX-License-Identifier: GPL-2.0 */
/* BPF objects: opened from the program's own text, their maps tied to the pinned ones, loaded. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "bounds.skel.h"
#include "connect.skel.h"
#include "datapath/maps.h"
#include "datapath/objects.h"
#include "sockops.skel.h"
#include "sockopt.skel.h"
#include "splice.skel.h"
#include "spliced.skel.h"
#include "tc.skel.h"
#include "udp.skel.h"
#include "xdp.skel.h"

static const void *(*const texts[NR_OBJECTS])(size_t *size) = {
	[OBJECT_CONNECT] = connect_bpf__elf_bytes,
	[OBJECT_SOCKOPS] = sockops_bpf__elf_bytes,
	[OBJECT_SOCKOPT] = sockopt_bpf__elf_bytes,
	[OBJECT_SPLICE] = splice_bpf__elf_bytes,
	[OBJECT_BOUNDS] = bounds_bpf__elf_bytes,
	[OBJECT_SPLICED] = spliced_bpf__elf_bytes,
	[OBJECT_UDP] = udp_bpf__elf_bytes,
	[OBJECT_XDP] = xdp_bpf__elf_bytes,
	[OBJECT_TC] = tc_bpf__elf_bytes,
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

/* FNV-1a over all of them. */
uint64_t objects_build(void)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (int id = 0; id < NR_OBJECTS; id++) {
		const unsigned char *text;
		size_t size;

		text = texts[id](&size);
		for (size_t i = 0; i < size; i++)
			h = (h ^ text[i]) * 0x100000001b3ULL;
	}
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

static int refused(const char *root, char **why)
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
	return other ? -EPROTO : -EOPNOTSUPP;
}

struct bpf_object *object_open(enum object_id id, const char *root, char **why)
{
	struct bpf_object *object;
	const void *text;
	size_t size;

	libbpf_set_print(keep_line);
	*first_line = '\0';
	text = texts[id](&size);
	object = bpf_object__open_mem(text, size, NULL);
	if (object && !set_pins(object, root))
		return object;
	refused(root, why);
	bpf_object__close(object);
	return NULL;
}

int object_load_opened(struct bpf_object *object, const char *root, char **why)
{
	*first_line = '\0';
	return bpf_object__load(object) ? refused(root, why) : 0;
}

static int load(enum object_id id, const char *root, bool programs, struct bpf_object **out,
		char **why)
{
	struct bpf_object *object = object_open(id, root, why);
	struct bpf_program *program;
	int err;

	*out = NULL;
	if (!object)
		return -EOPNOTSUPP;
	bpf_object__for_each_program(program, object)
		if (!programs)
			bpf_program__set_autoload(program, false);
	err = object_load_opened(object, root, why);
	if (err)
		bpf_object__close(object);
	else
		*out = object;
	return err;
}

int object_load(enum object_id id, const char *root, struct bpf_object **out, char **why)
{
	return load(id, root, true, out, why);
}

int object_load_maps(enum object_id id, const char *root, struct bpf_object **out, char **why)
{
	return load(id, root, false, out, why);
}
