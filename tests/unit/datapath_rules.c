/* SPDX-License-Identifier: GPL-2.0 */
/* What of a traffic policy the programs are told. */
#include "datapath/rules.h"
#include "unit.h"

#define SECOND 1000000000LL

static uint32_t outlier(const struct outlier_detection *o, uint32_t *consecutive)
{
	struct plan_cluster c = {.full.blocks.outlier_detection = o};
	struct cluster_rules rules;
	uint32_t which = encode_rules(&c, &rules);

	*consecutive = rules.consecutive;
	return which;
}

TEST(the_smallest_number_of_errors_that_a_failed_connect_is_one_of_counts)
{
	static const struct {
		struct outlier_detection o;
		uint32_t want;
	} table[] = {
		{{0}, 5},
		{{.has_5xx = true, .consecutive_5xx = 3}, 3},
		{{.has_5xx = true}, 0},
		{{.has_gateway = true, .consecutive_gateway = 2}, 2},
		{{.has_gateway = true, .consecutive_gateway = 9}, 5},
		{{.has_gateway = true}, 5},
		{{.has_5xx = true, .has_gateway = true, .consecutive_gateway = 7}, 7},
		{{.split_local_origin = true, .has_5xx = true, .consecutive_5xx = 1}, 5},
		{{.split_local_origin = true, .has_local_origin = true,
		  .consecutive_local_origin = 4}, 4},
		{{.split_local_origin = true, .has_local_origin = true}, 0},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint32_t got, which = outlier(&table[i].o, &got);

		CU_ASSERT_EQUAL(got, table[i].want);
		CU_ASSERT_EQUAL(which, got ? RULES_OUTLIER : 0);
	}
}

TEST(times_are_whole_units_and_never_none)
{
	static const struct tcp_keepalive keepalive = {.probes = 500, .time = 1,
						       .interval = 40000 * SECOND};
	static const struct tcp_pool tcp = {.connect_timeout = 1, .keepalive = &keepalive,
					    .idle_timeout = 2 * SECOND,
					    .max_connection_duration = 3 * SECOND};
	static const struct connection_pool pool = {.tcp = &tcp};
	struct plan_cluster c = {.full.blocks.connection_pool = &pool};
	struct cluster_rules rules;

	CU_ASSERT_EQUAL(encode_rules(&c, &rules), RULES_CONNECT_TIMEOUT | RULES_KEEPALIVE |
							  RULES_IDLE | RULES_DURATION);
	CU_ASSERT_EQUAL(rules.connect_timeout, 1);
	CU_ASSERT_EQUAL(rules.keepalive_time, 1);
	CU_ASSERT_EQUAL(rules.keepalive_interval, 32767);
	CU_ASSERT_EQUAL(rules.keepalive_probes, 127);
	CU_ASSERT_EQUAL(rules.idle_timeout, 2 * SECOND);
	CU_ASSERT_EQUAL(rules.max_duration, 3 * SECOND);
}

TEST(a_cluster_without_a_policy_has_no_rules)
{
	static const struct plan_cluster none;
	struct cluster_rules rules;

	CU_ASSERT_EQUAL(encode_rules(&none, &rules), 0);
	CU_ASSERT_EQUAL(rules.consecutive, 0);
	CU_ASSERT_EQUAL(rules.connect_timeout, 0);
}
