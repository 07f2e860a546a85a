/* SPDX-License-Identifier: GPL-2.0 */
/* The maps of programs that are measured: the services of a root, and connections of their own. */
#ifndef PACKETS_TABLES_H
#define PACKETS_TABLES_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../bpf/packets_input.h"
#include "frames.h"

/* These are made anew, for as many connections. */
static const struct {
	const char *name;
	unsigned times; /* the connections */
} own[] = {{"conn_keys4", 2}, {"conn_keys6", 0}, {"conns", 1}, {"tracking", 0}, {"conns_free", 1}, {"conns_half", 0},
	   {"conns_closed", 1}, {"conns_sweep", 0}, {"captured", 0}, {"pod_listeners", 0},
	   {"fragments", 0},
	   {"steerings", 0}, {"passings", 0}};

static inline void fail(const char *what)
{
	fprintf(stderr, "packets: %s: %s\n", what, strerror(errno));
	exit(1);
}

static inline bool own_map(struct bpf_map *map, unsigned connections)
{
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		if (strcmp(own[i].name, bpf_map__name(map)))
			continue;
		if (own[i].times && bpf_map__set_max_entries(map, own[i].times * connections))
			fail(own[i].name);
		return true;
	}
	return bpf_map__is_internal(map);
}

static inline void tables_take(struct bpf_object *object, const char *root, unsigned connections)
{
	struct bpf_map *map;
	char path[256];

	bpf_object__for_each_map(map, object) {
		int fd;

		if (own_map(map, connections))
			continue;
		snprintf(path, sizeof(path), "/sys/fs/bpf/%s/%s", root, bpf_map__name(map));
		fd = bpf_obj_get(path);
		if (fd < 0 || bpf_map__reuse_fd(map, fd))
			fail(path);
		close(fd);
	}
}

/* ns a packet, over all connections; `to` is the input of the program's object. */
static inline double talk_all(struct packets_input *to, const struct bpf_program *program,
			      const struct packets_input *input)
{
	struct frame frame = {0};
	struct way w = {1, 2, 3, 4};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &frame, .data_size_in = sizeof(frame),
		    .repeat = (int)(input->connections * input->train));

	frame_make(&frame, &w, 0, 1);
	*to = *input;
	memcpy(&to->head, &frame.ip.saddr, sizeof(input->head));
	if (bpf_prog_test_run_opts(bpf_program__fd(program), &opts))
		fail("BPF_PROG_TEST_RUN");
	return opts.duration;
}

#endif
