// SPDX-License-Identifier: GPL-2.0
/*
 * What a packet from outside costs XDP, with many connections open: by BPF_PROG_TEST_RUN, over the
 * services of a root that is loaded and a table of its own.
 */
#include "../bpf/packets_input.h"
#include "frames.h"
#include "outside_test.skel.h"
#include "tables.h"

static const char usage[] = "usage: outside ROOT ADDRESS:PORT CONNECTIONS TRAIN\n"
			    "Packets of a connection come TRAIN at a time.\n"
			    "Prints ns a packet as JSON: of a first one, of a later one; of none what it\n"
			    "costs to make one of them.\n";

/* Ends unless it is passed; ns. The frame is then as it comes out. */
static uint64_t run(const struct bpf_program *program, struct frame *frame, int verdict)
{
	static struct frame out;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(*frame),
		    .data_out = &out, .data_size_out = sizeof(out), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(program), &opts))
		fail("BPF_PROG_TEST_RUN");
	if ((int)opts.retval != verdict) {
		fprintf(stderr, "outside: a packet has verdict %d\n", (int)opts.retval);
		exit(1);
	}
	*frame = out;
	return opts.duration;
}

/* All connections, one after the other; what the first packets cost, ns each. */
static double open_all(const struct outside_test_bpf *skel, unsigned nr, __be32 service,
		       uint16_t port)
{
	uint64_t ns = 0;

	for (unsigned i = 0; i < nr; i++) {
		struct way w = way_of(i, service, port);
		struct frame f;

		frame_make(&f, &w, 1, 0);
		ns += run(skel->progs.comes, &f, XDP_PASS);
		w = answer_to(&f);
		frame_make(&f, &w, 1, 1);
		run(skel->progs.goes, &f, -1);
	}
	return (double)ns / nr;
}

int main(int argc, char **argv)
{
	char *colon = argc == 5 ? strrchr(argv[2], ':') : NULL;
	struct packets_input input = {.connections = colon ? (unsigned)atoi(argv[3]) : 0};
	struct outside_test_bpf *skel;
	struct in_addr service;
	double first, none;

	if (!input.connections ||
	    (*colon++ = '\0', inet_pton(AF_INET, argv[2], &service) != 1)) {
		fputs(usage, stderr);
		return 2;
	}
	skel = outside_test_bpf__open();
	if (!skel)
		fail("open");
	tables_take(skel->obj, argv[1], input.connections);
	skel->rodata->conns_max = input.connections;
	if (outside_test_bpf__load(skel))
		fail("the programs do not load");
	input.service = service.s_addr;
	input.service_port = (uint16_t)atoi(colon);
	input.step = step_of(input.connections);
	input.train = (unsigned)atoi(argv[4]);
	first = open_all(skel, input.connections, input.service, input.service_port);
	none = talk_all(&skel->bss->input, skel->progs.none, &input);
	skel->bss->wrong = 0;
	printf("{\"first\": %.1f, \"caller\": %.1f, \"none\": %.1f, ", first,
	       talk_all(&skel->bss->input, skel->progs.gets, &input), none);
	printf("\"wrong\": %llu}\n", (unsigned long long)skel->bss->wrong);
	return skel->bss->wrong != 0;
}
