// SPDX-License-Identifier: GPL-2.0
/*
 * What a packet costs the programs that steer by packet, with many connections open: by
 * BPF_PROG_TEST_RUN, over the services of a root that is loaded and a table of its own.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <shunt/track.h>
#include "../bpf/packets_input.h"
#include "frames.h"
#include "packets_test.skel.h"
#include "tables.h"

static const char usage[] = "usage: packets ROOT SERVICE:PORT CONNECTIONS TRAIN\n"
			    "Packets of a connection come TRAIN at a time.\n"
			    "Prints ns a packet as JSON: of a first one, of the pod's, of the answers; of none\n"
			    "what it costs to make one of them.\n";

#define DEVICE 1 /* that of a test run */

static void load(struct packets_test_bpf *skel, const char *root, unsigned connections)
{
	tables_take(skel->obj, root, connections);
	skel->rodata->conns_max = connections;
	if (packets_test_bpf__load(skel))
		fail("the programs do not load");
}

/* Ends unless it passes or turns round; ns. */
static uint64_t run(int program, struct frame *frame)
{
	static struct frame out;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(*frame),
		    .data_out = &out, .data_size_out = sizeof(out), .repeat = 1);

	if (bpf_prog_test_run_opts(program, &opts))
		fail("BPF_PROG_TEST_RUN");
	if ((int)opts.retval != -1) {
		fprintf(stderr, "packets: a packet has verdict %d\n", (int)opts.retval);
		exit(1);
	}
	*frame = out;
	return opts.duration;
}

/* All connections, one after the other; what the first packets cost, ns each. The last of them is
 * in *w, as its endpoint knows it. */
static double open_all(int from, int to, unsigned nr, __be32 service, uint16_t port, struct way *w)
{
	uint64_t ns = 0;

	for (unsigned i = 0; i < nr; i++) {
		struct frame f;

		*w = way_of(i, service, port);
		frame_make(&f, w, 1, 0);
		ns += run(from, &f);
		*w = answer_to(&f);
		frame_make(&f, w, 1, 1);
		run(to, &f);
	}
	return (double)ns / nr;
}

int main(int argc, char **argv)
{
	char *colon = argc == 5 ? strrchr(argv[2], ':') : NULL;
	unsigned nr = colon ? (unsigned)atoi(argv[3]) : 0;
	struct packets_input input = {.connections = nr};
	struct packets_test_bpf *skel;
	double first, none, pod, answer;
	__u32 device = DEVICE;
	struct in_addr service;
	struct captured pod_device = {.netns = 1};
	struct way w;

	if (!nr || (*colon++ = '\0', inet_pton(AF_INET, argv[2], &service) != 1)) {
		fputs(usage, stderr);
		return 2;
	}
	skel = packets_test_bpf__open();
	if (!skel)
		fail("open");
	load(skel, argv[1], nr);
	if (bpf_map__update_elem(skel->maps.captured, &device, sizeof(device), &pod_device,
				 sizeof(pod_device), 0))
		fail("captured");
	first = open_all(bpf_program__fd(skel->progs.from_pod),
			 bpf_program__fd(skel->progs.to_pod), nr, service.s_addr,
			 (uint16_t)atoi(colon), &w);
	input.step = step_of(nr);
	input.train = (unsigned)atoi(argv[4]);
	input.service = service.s_addr;
	input.service_port = (uint16_t)atoi(colon);
	input.to = w.from;
	input.to_port = w.from_port;
	none = talk_all(&skel->bss->input, skel->progs.none, &input);
	skel->bss->wrong = 0;
	pod = talk_all(&skel->bss->input, skel->progs.sends, &input);
	answer = talk_all(&skel->bss->input, skel->progs.gets, &input);
	if (skel->bss->wrong) {
		fprintf(stderr, "packets: %llu packets were not rewritten\n",
			(unsigned long long)skel->bss->wrong);
		return 1;
	}
	printf("{\"first\": %.1f, \"pod\": %.1f, \"answer\": %.1f, \"none\": %.1f}\n", first, pod,
	       answer, none);
	packets_test_bpf__destroy(skel);
	return 0;
}
