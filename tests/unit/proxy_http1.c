// SPDX-License-Identifier: GPL-2.0
/* Reading HTTP/1.1: all of tests/http1/cases, whole, cut in two at every place, and byte by byte. */
#include "../http1/cases.h"
#include "../http1/outcome.h"
#include "unit.h"

static unsigned nr_cases;

static char *outcome_cut(const struct http1_case *c, size_t first, size_t piece)
{
	struct outcome o = {.head = c->head, .upgrade = c->upgrade};
	struct http1_limits limits = {
		.target = c->target ?: http1_limits.target,
		.headers = c->headers ?: http1_limits.headers,
		.nr_headers = c->fields ?: http1_limits.nr_headers,
	};

	outcome_begin(&o, c->response, &limits);
	outcome_feed(&o, c->bytes.at, first);
	for (size_t at = first, n; at < c->bytes.nr; at += n) {
		n = c->bytes.nr - at < piece ? c->bytes.nr - at : piece;
		outcome_feed(&o, c->bytes.at + at, n);
	}
	return outcome_end(&o);
}

static bool as_wanted(const struct http1_case *c, size_t first, size_t piece)
{
	char *is = outcome_cut(c, first, piece);
	bool same = !strcmp(is, c->want.at);

	if (!same)
		printf("# %s, first %zu then %zu:\n%s", c->name, first, piece, is);
	CU_ASSERT(same);
	free(is);
	return same;
}

static void case_check(struct http1_case *c)
{
	size_t nr = c->bytes.nr, step = nr > 4096 ? nr / 97 : 1;

	nr_cases++;
	if (!as_wanted(c, nr, 1) || !as_wanted(c, 0, 1))
		return;
	for (size_t first = 0; first < nr; first += step)
		if (!as_wanted(c, first, nr))
			return;
}

TEST(every_case_comes_out_as_it_says_however_it_is_cut)
{
	cases_read(case_check);
	CU_ASSERT(nr_cases >= 150);
}
