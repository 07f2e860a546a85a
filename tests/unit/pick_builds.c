/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's build of the decision and the user's agree on a million random inputs. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../bpf/pick_input.h"
#include "pick_test.skel.h"
#include "unit.h"

static struct schedule blocks[PICK_BLOCKS];

static const struct schedule *read_schedule(__u32 slot)
{
	return &blocks[slot % PICK_BLOCKS];
}

static __u64 read_active(__u32 slot)
{
	return active_of_slot(slot);
}

#include "../../bpf/pick.h"

#define RUNS 1000

static __u64 state = 88172645463325252ULL;

static __u64 next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void fill(struct pick_input *in)
{
	memset(in, 0, sizeof(*in));
	in->route.schedule_length = next_random() % 8 ? 1 + next_random() % SHUNT_MAX_WEIGHT_SUM : 0;
	in->route.schedule = next_random() % SHUNT_MAX_SCHEDULE_BLOCKS;
	in->turn = next_random() % 4 ? next_random() % 100000 : next_random();
	in->cluster.policy = next_random() % 4;
	in->cluster.first_endpoint = next_random() % SHUNT_MAX_ENDPOINTS;
	in->cluster.nr_ipv4 = next_random() % 8 ? next_random() % 200 : next_random() % 3;
	in->cluster.nr_ipv6 = next_random() % 8 ? next_random() % 200 : next_random() % 3;
	in->cluster.skip_ipv6 = next_random() % 100;
	in->next = next_random();
	in->random = next_random();
	in->ipv6 = next_random() & 1;
}

static void fill_blocks(int fd)
{
	for (__u32 i = 0; i < PICK_BLOCKS; i++) {
		for (int k = 0; k < SHUNT_SCHEDULE_BLOCK; k++)
			blocks[i].pick[k] = next_random() % SHUNT_MAX_SPLIT;
		bpf_map_update_elem(fd, &i, &blocks[i], BPF_ANY);
	}
}

static __u32 differences(const struct pick_input *in, const struct pick_output *out)
{
	__u32 n = 0;

	for (int i = 0; i < PICK_INPUTS; i++) {
		n += pick_cluster(&in[i].route, in[i].turn) != out[i].cluster;
		n += pick_endpoint(&in[i].cluster, in[i].ipv6, in[i].next, in[i].random) !=
		     out[i].endpoint;
	}
	return n;
}

TEST(both_builds_of_the_decision_agree_on_a_million_inputs)
{
	char packet[64] = {0};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet,
			    .data_size_in = sizeof(packet));
	struct pick_test_bpf *skel = pick_test_bpf__open_and_load();
	size_t in_size = PICK_INPUTS * sizeof(struct pick_input) + 4096;
	size_t out_size = PICK_INPUTS * sizeof(struct pick_output) + 4096;
	struct pick_output *out;
	struct pick_input *in;
	__u32 wrong = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(skel);
	in = mmap(NULL, in_size / 4096 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
		  bpf_map__fd(skel->maps.inputs), 0);
	out = mmap(NULL, out_size / 4096 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
		   bpf_map__fd(skel->maps.outputs), 0);
	CU_ASSERT_FATAL(in != MAP_FAILED && out != MAP_FAILED);
	fill_blocks(bpf_map__fd(skel->maps.blocks));
	for (int r = 0; r < RUNS && !wrong; r++) {
		for (int i = 0; i < PICK_INPUTS; i++)
			fill(&in[i]);
		CU_ASSERT_FATAL(!bpf_prog_test_run_opts(bpf_program__fd(skel->progs.pick_all), &run));
		CU_ASSERT_FATAL(run.retval == 0);
		wrong += differences(in, out);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	munmap(in, in_size / 4096 * 4096);
	munmap(out, out_size / 4096 * 4096);
	pick_test_bpf__destroy(skel);
}
