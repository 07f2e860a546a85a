// SPDX-License-Identifier: GPL-2.0
/* The decision while endpoints are ejected or warm up, against what it is to come to. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <shunt/endpoint.h>
#include <shunt/service.h>
#include "proxy/priority.h"
#include "unit.h"

#define MOST 64

static struct endpoint endpoints[MOST];
static struct pool pools[2 * SHUNT_MAX_LEVELS];
static bool out[MOST];

static const struct schedule *read_schedule(__u32 block)
{
	(void)block;
	return NULL;
}

static const struct chart *read_chart(__u32 block)
{
	(void)block;
	return NULL;
}

static const struct pool *read_pool(__u32 slot)
{
	return slot < 2 * SHUNT_MAX_LEVELS ? &pools[slot] : NULL;
}

static const struct endpoint *read_endpoint(__u32 slot)
{
	return slot < MOST ? &endpoints[slot] : NULL;
}

static __u64 read_active(const struct endpoint *e)
{
	(void)e;
	return 0;
}

static int read_out(const struct endpoint *e, __u64 now)
{
	return now && out[e - endpoints];
}

static void pick_loop(__u32 n, long (*each)(__u32 i, void *arg), void *arg)
{
	for (__u32 i = 0; i < n && !each(i, arg); i++)
		;
}

#include "../../bpf/pick.h"

static struct cluster cluster;
static __u64 turns;

/* Levels of IPv4, with so many endpoints each. */
static void cluster_init(enum policy policy, const unsigned *nr, unsigned levels)
{
	__u32 first = 0;

	memset(&cluster, 0, sizeof(cluster));
	memset(endpoints, 0, sizeof(endpoints));
	memset(pools, 0, sizeof(pools));
	memset(out, 0, sizeof(out));
	cluster.policy = policy;
	cluster.nr_levels = levels;
	for (unsigned i = 0; i < levels; i++) {
		pools[2 * i] = (struct pool){.first = first, .nr = nr[i]};
		first += nr[i];
	}
	for (unsigned i = 0; i < MOST; i++)
		endpoints[i].weight = 1;
	turns = 0;
}

/* Of n picks at the time `now`; those of nobody are *nobody. */
static void pick_many(unsigned n, __u64 now, unsigned *got, unsigned *nobody)
{
	__u64 random = 88172645463325252ULL;

	memset(got, 0, MOST * sizeof(*got));
	*nobody = 0;
	for (unsigned i = 0; i < n; i++) {
		__u32 slot;

		random = pick_mix(random + i);
		slot = pick_endpoint(&cluster, &turns, random, now, 0);
		if (slot < MOST)
			got[slot]++;
		else
			(*nobody)++;
	}
}

/* The same as the proxy's, which has Envoy's tables. */
TEST(levels_take_what_the_proxys_take)
{
	static const unsigned usable[][3] = {{20, 20, 20}, {14, 20, 20}, {10, 20, 20}, {5, 20, 20},
					     {5, 5, 20},   {5, 5, 4},	 {0, 20, 20},  {0, 0, 20},
					     {1, 0, 2},	   {3, 1, 20}};
	static const unsigned nr[3] = {20, 20, 20};
	unsigned got[MOST], nobody, wrong = 0;

	for (size_t c = 0; c < sizeof(usable) / sizeof(usable[0]); c++) {
		struct priority of[3];
		uint8_t load[3];

		cluster_init(POLICY_RANDOM, nr, 3);
		for (unsigned i = 0; i < 3; i++) {
			of[i] = (struct priority){usable[c][i], 20};
			for (unsigned k = usable[c][i]; k < 20; k++)
				out[20 * i + k] = true;
		}
		priority_loads(of, 3, 0, load);
		pick_many(20000, 1, got, &nobody);
		wrong += nobody;
		for (unsigned i = 0; i < 3; i++) {
			unsigned sum = 0;

			for (unsigned k = 0; k < 20; k++) {
				sum += got[20 * i + k];
				wrong += out[20 * i + k] && got[20 * i + k];
			}
			wrong += abs((int)sum - load[i] * 200) > 354; /* five deviations */
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

TEST(who_is_out_is_picked_by_no_policy_however_many_are)
{
	static const enum policy policies[] = {POLICY_LEAST_REQUEST, POLICY_ROUND_ROBIN,
					       POLICY_RANDOM, POLICY_SOURCE_HASH};
	static const unsigned nr = 50;
	unsigned got[MOST], nobody;

	for (size_t c = 0; c < sizeof(policies) / sizeof(policies[0]); c++)
		for (unsigned in = 0; in <= 50; in += 10) {
			cluster_init(policies[c], &nr, 1);
			for (unsigned i = in; i < 50; i++)
				out[i] = true;
			pick_many(1000, 1, got, &nobody);
			CU_ASSERT_EQUAL(nobody, in ? 0 : 1000);
			for (unsigned i = 0; i < 50; i++)
				CU_ASSERT((i < in) == (got[i] > 0));
		}
}

TEST(turns_go_on_evenly_past_those_who_are_out)
{
	static const unsigned nr = 5;
	unsigned got[MOST], nobody;

	cluster_init(POLICY_ROUND_ROBIN, &nr, 1);
	out[1] = out[3] = true;
	pick_many(300, 1, got, &nobody);
	CU_ASSERT(got[0] == 100 && got[2] == 100 && got[4] == 100);
}

TEST(with_too_few_healthy_ejection_does_not_count)
{
	static const unsigned nr[2] = {4, 4};
	unsigned got[MOST], nobody;

	cluster_init(POLICY_ROUND_ROBIN, nr, 1);
	cluster.min_health = 50;
	out[0] = out[1] = true;
	pick_many(100, 1, got, &nobody);
	CU_ASSERT(!got[0] && !got[1]);
	out[2] = true;
	pick_many(100, 1, got, &nobody);
	CU_ASSERT(got[0] == 25 && got[3] == 25);
	out[3] = true;
	pick_many(100, 1, got, &nobody);
	CU_ASSERT(!nobody && got[0] == 25);
	/* another priority that can take all of it comes first */
	cluster_init(POLICY_ROUND_ROBIN, nr, 2);
	cluster.min_health = 60;
	out[0] = out[1] = out[2] = out[3] = true;
	pick_many(100, 1, got, &nobody);
	CU_ASSERT(got[4] == 25 && got[7] == 25);
}

TEST(warmth_is_what_the_formula_says)
{
	static const double powers[] = {0.1, 0.5, 1, 1 / 1.7, 2, 5};
	double worst = 0;

	for (size_t c = 0; c < sizeof(powers) / sizeof(powers[0]); c++)
		for (int shift = 20; shift < 48; shift += 9) {
			struct cluster of = {.warmup = (1ULL << shift) * 3, .warmup_least = 6554};
			struct endpoint e = {.since = 1000};

			of.warmup_power = (uint32_t)lround(powers[c] * 4096);
			for (int i = 1; i < 1000; i++) {
				__u64 time = of.warmup / 1000 * i;
				double want = pow((double)time / of.warmup, powers[c]);
				double is = warmth(&of, &e, 1000 + time) / 65536.0;

				want = want > 0.1 ? want : 0.1;
				worst = fmax(worst, fabs(is - want));
			}
			CU_ASSERT_EQUAL(warmth(&of, &e, 1000), 6554);
			CU_ASSERT_EQUAL(warmth(&of, &e, 10), 6554);
			CU_ASSERT_EQUAL(warmth(&of, &e, 1000 + of.warmup), WARM_ONE);
			e.since = 0;
			CU_ASSERT_EQUAL(warmth(&of, &e, 10), WARM_ONE);
		}
	CU_ASSERT(worst < 0.001);
	if (worst >= 0.001)
		printf("# off by %f\n", worst);
}

/* A tenth of a share beside three whole ones. */
TEST(a_new_endpoint_gets_a_part_of_its_share)
{
	static const unsigned nr = 4;
	unsigned got[MOST], nobody;

	cluster_init(POLICY_ROUND_ROBIN, &nr, 1);
	cluster.warmup = 1ULL << 40;
	cluster.warmup_least = 6554;
	cluster.warmup_power = 4096;
	endpoints[3].since = 5;
	pick_many(31000, 6, got, &nobody);
	CU_ASSERT(abs((int)got[3] - 1000) < 160); /* five deviations */
	CU_ASSERT(got[0] - got[1] + 1 <= 2);
	pick_many(20000, 5 + (1ULL << 39), got, &nobody);
	CU_ASSERT(abs((int)got[3] - 20000 / 7) < 250);
	cluster.policy = POLICY_LEAST_REQUEST;
	pick_many(31000, 6, got, &nobody);
	CU_ASSERT(got[3] > 840 && got[3] < 2000);
}
