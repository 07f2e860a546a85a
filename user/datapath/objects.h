/* SPDX-License-Identifier: GPL-2.0 */
/* BPF objects that are built into the program, loaded over the pinned maps. */
#ifndef DATAPATH_OBJECTS_H
#define DATAPATH_OBJECTS_H

#include <bpf/libbpf.h>
#include <stdint.h>

enum object_id {
	OBJECT_CONNECT,
	OBJECT_SOCKOPS,
	OBJECT_SOCKOPT,
	OBJECT_UDP,
	OBJECT_XDP,
	OBJECT_TC,
	OBJECT_SPLICE,
	OBJECT_BOUNDS,
	OBJECT_SPLICED,
	NR_OBJECTS
};

/*
 * Opens one object; its maps are those of root, made
 * when they are missing; one that is its own: bpf_map__set_pin_path(map, NULL). NULL with *why.
 */
struct bpf_object *object_open(enum object_id id, const char *root, char **why);
/* Opens and loads it. -EPROTO: the pinned maps are others; -EOPNOTSUPP: the kernel refused it. */
int object_load(enum object_id id, const char *root, struct bpf_object **out, char **why);
/* The same without its programs: only the maps are made. */
int object_load_maps(enum object_id id, const char *root, struct bpf_object **out, char **why);
/* The second half of object_load; on failure the object stays open. */
int object_load_opened(struct bpf_object *object, const char *root, char **why);
/* A number that differs whenever any of the objects does. */
uint64_t objects_build(void);

#endif
