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

static struct pick_records *records;

static const struct schedule *read_schedule(__u32 slot)
{
	return &records->schedules[slot % PICK_BLOCKS];
}

static const struct chart *read_chart(__u32 slot)
{
	return &records->charts[slot % PICK_BLOCKS];
}

static const struct pool *read_pool(__u32 slot)
{
	return &records->pools[slot % PICK_BLOCKS];
}

static const struct endpoint *read_endpoint(__u32 slot)
{
	return &records->endpoints[slot % PICK_BLOCKS];
}

static __u64 read_active(const struct endpoint *e)
{
	return active_of_slot(e->state);
}

static int read_out(const struct endpoint *e, __u64 now)
{
	return out_of_slot(e->state, now);
}

static void pick_loop(__u32 n, long (*each)(__u32 i, void *arg), void *arg)
{
	for (__u32 i = 0; i < n && !each(i, arg); i++)
		;
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
	in->cluster.policy = next_random() % 5;
	in->cluster.first_pool = next_random() % SHUNT_MAX_POOLS;
	in->cluster.nr_levels = next_random() % 2 ? 1 : next_random() % (SHUNT_MAX_LEVELS + 1);
	in->cluster.min_health = next_random() % 2 ? 0 : next_random() % 101;
	in->cluster.warmup = next_random() % 2 ? 0 : 1ULL << next_random() % 42;
	in->cluster.warmup_least = 1 + next_random() % 20000;
	in->cluster.warmup_power = 1 + next_random() % 8192;
	in->next = next_random();
	in->random = next_random();
	in->now = next_random() % 3 ? PICK_NOW + next_random() % 1000000000 : 0;
	in->ipv6 = next_random() & 1;
}

static void fill_pool(struct pool *pool)
{
	pool->first = next_random() % SHUNT_MAX_ENDPOINTS;
	pool->nr = next_random() % 8 ? 1 + next_random() % 40 : next_random() % 3;
	pool->chart = next_random() % SHUNT_MAX_CHART_BLOCKS;
	pool->chart_length = next_random() % 2 && pool->nr ? 1 + next_random() % 5000 : 0;
}

static void fill_records(void)
{
	for (__u32 i = 0; i < PICK_BLOCKS; i++) {
		struct endpoint *e = &records->endpoints[i];

		for (int k = 0; k < SHUNT_SCHEDULE_BLOCK; k++)
			records->schedules[i].pick[k] = next_random() % SHUNT_MAX_SPLIT;
		for (int k = 0; k < SHUNT_CHART_BLOCK; k++)
			records->charts[i].at[k] = next_random() % 40;
		fill_pool(&records->pools[i]);
		e->weight = next_random() % 2 ? 1 : 1 + next_random() % 1000;
		e->state = next_random() % SHUNT_MAX_ENDPOINT_STATES;
		e->since = next_random() % 2 ? 0 : PICK_NOW - (1ULL << next_random() % 36);
	}
}

/* The kernel has counted in its copy of `next`: *in is as it was. */
static __u32 differences(const struct pick_input *in, const struct pick_output *out)
{
	__u32 n = 0;

	for (int i = 0; i < PICK_INPUTS; i++) {
		__u64 next = in[i].next;
		__u32 slot = pick_endpoint(&in[i].cluster, &next, in[i].random, in[i].now,
					   in[i].ipv6);

		n += pick_cluster(&in[i].route, in[i].turn) != out[i].cluster;
		n += slot != out[i].endpoint || next != out[i].next;
	}
	return n;
}

static void *map_memory(struct bpf_map *map, size_t size)
{
	return mmap(NULL, (size + 4095) / 4096 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
		    bpf_map__fd(map), 0);
}

TEST(both_builds_of_the_decision_agree_on_a_million_inputs)
{
	char packet[64] = {0};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet,
			    .data_size_in = sizeof(packet));
	struct pick_test_bpf *skel = pick_test_bpf__open_and_load();
	size_t in_size = PICK_INPUTS * sizeof(struct pick_input);
	size_t out_size = PICK_INPUTS * sizeof(struct pick_output);
	static struct pick_input asked[PICK_INPUTS];
	struct pick_output *out;
	struct pick_input *in;
	__u32 wrong = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(skel);
	in = map_memory(skel->maps.inputs, in_size);
	out = map_memory(skel->maps.outputs, out_size);
	records = map_memory(skel->maps.records, sizeof(*records));
	CU_ASSERT_FATAL(in != MAP_FAILED && out != MAP_FAILED && records != MAP_FAILED);
	for (int r = 0; r < RUNS && !wrong; r++) {
		if (r % 10 == 0)
			fill_records();
		for (int i = 0; i < PICK_INPUTS; i++)
			fill(&asked[i]);
		memcpy(in, asked, in_size);
		CU_ASSERT_FATAL(!bpf_prog_test_run_opts(bpf_program__fd(skel->progs.pick_all), &run));
		CU_ASSERT_FATAL(run.retval == 0);
		wrong += differences(asked, out);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	munmap(in, (in_size + 4095) / 4096 * 4096);
	munmap(out, (out_size + 4095) / 4096 * 4096);
	munmap(records, (sizeof(*records) + 4095) / 4096 * 4096);
	pick_test_bpf__destroy(skel);
}
