// SPDX-License-Identifier: GPL-2.0
/* Writing heads of HTTP/1.1, and what is taken out of them before. */
#include <errno.h>
#include <string.h>
#include "proxy/http1_write.h"
#include "unit.h"

static const struct http1_framing none = {HTTP1_NONE, false, 0};

/* Reads a whole head; its texts live as long as *p. */
static struct http_request read_head(struct http1 *p, const char *bytes)
{
	size_t taken;

	http1_init(p, !strncmp(bytes, "HTTP", 4), &http1_limits);
	CU_ASSERT(http1_feed(p, bytes, strlen(bytes), &taken) == HTTP1_HEAD);
	return p->head.request;
}

static void is_written(const char *in, const struct http1_framing *framing,
		       enum http1_connection connection, const char *want)
{
	char bytes[512];
	struct http1_out out = {.at = bytes, .cap = sizeof(bytes)};
	struct http1 p;
	struct http_request r = read_head(&p, in);

	CU_ASSERT(!http1_write_request(&out, &r, framing, connection));
	if (strlen(want) != out.nr || memcmp(bytes, want, out.nr))
		printf("# %.*s", (int)out.nr, bytes);
	CU_ASSERT(strlen(want) == out.nr && !memcmp(bytes, want, out.nr));
	http1_free(&p);
}

TEST(a_request_is_written_with_its_host_first)
{
	is_written("GET /a?b HTTP/1.1\r\nA: 1\r\nHost: x:80\r\nB:\r\n\r\n", &none, HTTP1_SAY_NOTHING,
		   "GET /a?b HTTP/1.1\r\nhost: x:80\r\nA: 1\r\nB: \r\n\r\n");
}

TEST(an_absolute_target_is_written_as_a_path)
{
	is_written("GET http://y?q HTTP/1.1\r\nHost: x\r\n\r\n", &none, HTTP1_SAY_NOTHING,
		   "GET /?q HTTP/1.1\r\nhost: y\r\n\r\n");
}

TEST(the_framing_is_the_writers)
{
	static const char in[] = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n";
	static const struct http1_framing chunked = {HTTP1_CHUNKED, false, 0};
	static const struct http1_framing length = {HTTP1_LENGTH, true, 18446744073709551615u};
	static const struct http1_framing nothing = {HTTP1_NONE, true, 0};

	is_written(in, &chunked, HTTP1_SAY_NOTHING,
		   "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
	is_written(in, &length, HTTP1_SAY_CLOSE,
		   "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 18446744073709551615\r\n"
		   "connection: close\r\n\r\n");
	is_written(in, &nothing, HTTP1_SAY_KEEP,
		   "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n");
}

TEST(an_upgrade_is_passed_on)
{
	is_written("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", &none,
		   HTTP1_SAY_UPGRADE,
		   "GET / HTTP/1.1\r\nhost: x\r\nUpgrade: websocket\r\nconnection: upgrade\r\n\r\n");
}

TEST(a_response_keeps_its_reason_and_length)
{
	static const char want[] = "HTTP/1.1 404 Not Found\r\nA: 1\r\ncontent-length: 5\r\n\r\n";
	char bytes[512];
	struct http1_out out = {.at = bytes, .cap = sizeof(bytes)};
	struct http1 p;
	struct http_request r;

	r = read_head(&p, "HTTP/1.1 404 Not Found\r\nA: 1\r\nContent-Length: 5\r\n\r\n");
	CU_ASSERT(!http1_write_response(&out, p.head.status, p.head.reason, &r, &p.head.framing,
					HTTP1_SAY_NOTHING));
	CU_ASSERT(out.nr == strlen(want) && !memcmp(bytes, want, out.nr));
	http1_free(&p);
}

TEST(what_does_not_fit_adds_nothing)
{
	char bytes[64] = "kept";
	struct http1 p;
	struct http_request r = read_head(&p, "GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\n\r\n");

	for (size_t cap = 4; cap <= 4 + 33; cap++) {
		struct http1_out out = {.at = bytes, .nr = 4, .cap = cap};
		bool fits = cap == 4 + 33;

		CU_ASSERT(http1_write_request(&out, &r, &none, HTTP1_SAY_NOTHING) ==
			  (fits ? 0 : -ENOBUFS));
		CU_ASSERT(out.nr == (fits ? 4 + 33 : 4));
	}
	http1_free(&p);
}

static int write_with(const char *path, const char *name, const char *value)
{
	char bytes[256];
	struct http1_out out = {.at = bytes, .cap = sizeof(bytes)};
	struct http_header h = {http_text(name), http_text(value)};
	struct http_request r = {.method = http_text("GET"), .path = http_text(path),
				 .authority = http_text("x"), .headers = &h, .nr_headers = 1};

	return http1_write_request(&out, &r, &none, HTTP1_SAY_NOTHING);
}

TEST(no_text_ends_its_line)
{
	CU_ASSERT(!write_with("/a", "name", "a value\twith a tab, long enough, \xc3\xa9"));
	CU_ASSERT(write_with("/a", "name", "1234567\r\nb: c") == -EINVAL);
	CU_ASSERT(write_with("/a", "name", "12345678901\n") == -EINVAL);
	CU_ASSERT(write_with("/a", "name", "\x7f") == -EINVAL);
	CU_ASSERT(write_with("/a", "na me", "v") == -EINVAL);
	CU_ASSERT(write_with("/a", "na:me", "v") == -EINVAL);
	CU_ASSERT(write_with("/a", "name\r", "v") == -EINVAL);
	CU_ASSERT(write_with("/a", "", "v") == -EINVAL);
	CU_ASSERT(write_with("/a b", "name", "v") == -EINVAL);
	CU_ASSERT(write_with("/a\r\n", "name", "v") == -EINVAL);
	CU_ASSERT(write_with("", "name", "v") == -EINVAL);
}

static void hops_leave(const char *headers, bool tunnel, const char *want)
{
	char bytes[512], names[256] = "";
	struct http1 p;

	snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", headers);
	read_head(&p, bytes);
	http1_hops_remove(&p.headers, tunnel);
	for (size_t i = 0; i < p.headers.list.nr; i++) {
		strncat(names, p.headers.list.at[i].name.at, p.headers.list.at[i].name.length);
		strcat(names, " ");
	}
	CU_ASSERT_STRING_EQUAL(names, want);
	http1_free(&p);
}

TEST(what_is_for_one_connection_stays_there)
{
	hops_leave("A: 1\r\nConnection: x-a, Keep-Alive ,, X-B\r\nKeep-Alive: timeout=5\r\n"
		   "X-B: 1\r\nB: 1\r\nx-a: 1\r\nx-A: 2\r\n", false, "A B ");
	hops_leave("X-A: 1\r\nConnection: close\r\nB: 1\r\nConnection: x-a\r\n", false, "B ");
	hops_leave("TE: trailers\r\nProxy-Connection: close\r\nProxy-Authorization: x\r\n"
		   "Proxy-Authenticate: y\r\nTrailer: A\r\n", false, "Trailer ");
}

TEST(upgrade_stays_for_a_tunnel)
{
	hops_leave("Connection: Upgrade\r\nUpgrade: websocket\r\nA: 1\r\n", true, "Upgrade A ");
	hops_leave("Connection: Upgrade\r\nUpgrade: websocket\r\nA: 1\r\n", false, "A ");
}

TEST(after_an_upgrade_all_bytes_are_passed)
{
	static const char after[] = "\x01 no HTTP\n";
	struct http1 p;
	size_t taken;

	read_head(&p, "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: y\r\n\r\n");
	CU_ASSERT(p.head.upgrade);
	CU_ASSERT(http1_feed(&p, after, sizeof(after) - 1, &taken) == HTTP1_END && !taken);
	http1_tunnel(&p);
	CU_ASSERT(http1_feed(&p, after, sizeof(after) - 1, &taken) == HTTP1_BODY);
	CU_ASSERT(p.body.at == after && p.body.length == sizeof(after) - 1 && taken == p.body.length);
	CU_ASSERT(http1_feed(&p, after, 0, &taken) == HTTP1_MORE);
	CU_ASSERT(http1_eof(&p) == HTTP1_END);
	http1_free(&p);
}

TEST(a_body_is_not_copied)
{
	static const char bytes[] = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
				    "5\r\nhello\r\n0\r\n\r\n";
	const char *body = strstr(bytes, "hello");
	struct http1 p;
	size_t taken, done;

	read_head(&p, bytes);
	done = strstr(bytes, "5\r\n") - bytes;
	CU_ASSERT(http1_feed(&p, bytes + done, sizeof(bytes) - 1 - done, &taken) == HTTP1_BODY);
	CU_ASSERT(p.body.at == body && p.body.length == 5);
	done += taken;
	CU_ASSERT(http1_feed(&p, bytes + done, sizeof(bytes) - 1 - done, &taken) == HTTP1_END);
	http1_free(&p);
}

TEST(memory_is_kept_for_small_heads_and_given_back_for_large_ones)
{
	char large[16384] = "GET / HTTP/1.1\r\nHost: x\r\nA: ";
	size_t begin = strlen(large), taken;
	struct http1 p;
	const char *kept;

	read_head(&p, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	kept = p.lines.at;
	http1_next(&p);
	CU_ASSERT(p.lines.at == kept);
	memset(large + begin, 'a', sizeof(large) - begin);
	memcpy(large + sizeof(large) - 4, "\r\n\r\n", 4);
	CU_ASSERT(http1_feed(&p, large, sizeof(large), &taken) == HTTP1_HEAD);
	http1_next(&p);
	CU_ASSERT_PTR_NULL(p.lines.at);
	http1_free(&p);
}
