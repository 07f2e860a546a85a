// SPDX-License-Identifier: GPL-2.0
/* What a metrics request may look like. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "telemetry/prometheus.h"
#include "telemetry/scrape.h"
#include "unit.h"

static const struct {
	const char *text;
	int status;
} requests[] = {
	{"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200},
	{"GET /metrics?x=1 HTTP/1.0\r\n\r\n", 200},
	{"GET /metrics HTTP/1.1\nHost: x\n\n", 200},
	{"GET /metrics HTTP/1.1\r\nHost: x\r\n", 0},
	{"", 0},
	{"GET / HTTP/1.1\r\n\r\n", 404},
	{"GET /metricsx HTTP/1.1\r\n\r\n", 404},
	{"POST /metrics HTTP/1.1\r\n\r\n", 405},
	{"\r\n\r\n", 400},
	{"GET\r\n\r\n", 400},
	{"hello\n\n", 400},
};

TEST(only_get_metrics_is_answered)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		CU_ASSERT_EQUAL(scrape_request(requests[i].text, strlen(requests[i].text)),
				requests[i].status);
}

TEST(request_without_an_end_is_refused_at_the_bound)
{
	char text[4096];

	memset(text, 'x', sizeof(text));
	CU_ASSERT_EQUAL(scrape_request(text, sizeof(text)), 400);
}

TEST(label_values_are_escaped)
{
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	prometheus_print_label("a\"b\\c\nd", out);
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, "a\\\"b\\\\c\\nd");
	free(text);
}
