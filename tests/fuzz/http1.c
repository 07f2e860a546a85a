// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzes the reader of HTTP/1.1: the first byte chooses the direction and what was asked, the next
 * two where the rest is cut. Cut or whole, the outcome is the same; a head that is read can be
 * written, and what was written reads as the same head.
 */
#include <stdint.h>
#include "../http1/outcome.h"
#include "proxy/http1_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RESPONSE = 1, TO_HEAD = 2, TO_UPGRADE = 4, BYTEWISE = 8, SMALL = 16 };
static const struct http1_limits small = {.target = 16, .headers = 128, .nr_headers = 4};

static char *outcome_cut(uint8_t how, const char *bytes, size_t length, size_t first, size_t piece)
{
	struct outcome o = {.head = how & TO_HEAD, .upgrade = how & TO_UPGRADE};

	outcome_begin(&o, how & RESPONSE, how & SMALL ? &small : &http1_limits);
	outcome_feed(&o, bytes, first);
	for (size_t at = first, n; at < length; at += n) {
		n = length - at < piece ? length - at : piece;
		outcome_feed(&o, bytes + at, n);
	}
	return outcome_end(&o);
}

static bool same(struct http_text a, struct http_text b)
{
	return a.length == b.length && !memcmp(a.at, b.at, a.length);
}

/* What a proxy sends on is what it understood, and nothing else. */
static void rewrite_check(const char *bytes, size_t length)
{
	static char written[1 << 17];
	struct http1_out out = {.at = written, .cap = sizeof(written)};
	struct http1 p, again;
	size_t taken;

	http1_init(&p, false, &http1_limits);
	http1_init(&again, false, &http1_limits);
	if (http1_feed(&p, bytes, length, &taken) == HTTP1_HEAD && p.head.request.authority.length) {
		const struct http_request *a = &p.head.request, *b = &again.head.request;

		if (http1_write_request(&out, a, &p.head.framing, HTTP1_SAY_NOTHING))
			abort();
		if (out.nr <= http1_limits.headers &&
		    http1_feed(&again, written, out.nr, &taken) != HTTP1_WRONG &&
		    (taken != out.nr || !same(a->method, b->method) || !same(a->path, b->path) ||
		     !same(a->authority, b->authority) ||
		     again.head.framing.how != p.head.framing.how ||
		     again.head.framing.length != p.head.framing.length))
			abort();
		if (again.wrong.status && again.wrong.status != 431 && again.wrong.status != 414)
			abort();
	}
	http1_free(&p);
	http1_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data + 3;
	size_t length = size - 3, first;
	char *whole, *cut;

	if (size < 3 || size > 1 << 16)
		return -1;
	first = length ? (data[1] << 8 | data[2]) % (length + 1) : 0;
	whole = outcome_cut(data[0], bytes, length, length, 1);
	cut = outcome_cut(data[0], bytes, length, first, data[0] & BYTEWISE ? 1 : length);
	if (strcmp(whole, cut))
		abort();
	free(whole);
	free(cut);
	if (!(data[0] & RESPONSE))
		rewrite_check(bytes, length);
	return 0;
}
