/* SPDX-License-Identifier: GPL-2.0 */
/* A destination with endpoints, on its own, for the tests of what picks and ejects them. */
#ifndef PROXY_DESTINATION_H
#define PROXY_DESTINATION_H

#include "proxy/balance.h"
#include "proxy/part.h"
#include "unit.h"

#define MADE_MAX 64

struct made {
	struct table_cluster table;
	struct table_endpoint endpoints[MADE_MAX];
	struct endpoint **at;
	struct destination d;
	struct arena *arena;
};

/* `nr` endpoints of weight 1; what is set in m->table and m->endpoints before stays. */
static inline void made_join(struct made *m, struct lasting *all, size_t nr)
{
	m->table.name = "outbound|80||web.test";
	m->table.endpoints = m->endpoints;
	m->table.nr_endpoints = nr;
	for (size_t i = 0; i < nr; i++) {
		struct table_endpoint *e = &m->endpoints[i];

		e->address = (struct inet){{[10] = 0xff, 0xff, 10, 0, 0, (uint8_t)(i + 1)}};
		e->port = 80;
		e->weight = e->weight ? e->weight : 1;
	}
	m->arena = arena_new();
	destination_fill(&m->d, all, m->arena, &m->table);
	m->at = m->d.endpoints;
}

/* Another one that was made of `all` may stay. */
static inline void made_leave(struct made *m, struct lasting *all)
{
	destination_give(all, &m->d);
	arena_free(m->arena);
	clusters_sweep(&all->clusters);
}

static inline void made_drop(struct made *m, struct lasting *all)
{
	made_leave(m, all);
	CU_ASSERT_EQUAL(all->clusters.by_name.nr, 0);
	CU_ASSERT_EQUAL(all->clusters.chart_bytes, 0);
	clusters_free(&all->clusters);
}

/* How often each is picked. */
static inline void made_count(struct made *m, struct worker *w, unsigned picks,
			      unsigned got[MADE_MAX])
{
	memset(got, 0, MADE_MAX * sizeof(got[0]));
	for (unsigned i = 0; i < picks; i++) {
		struct endpoint *e = balance_pick(w, &m->d, NULL);

		for (size_t j = 0; e && j < m->table.nr_endpoints; j++)
			got[j] += m->at[j] == e;
	}
}

#endif
