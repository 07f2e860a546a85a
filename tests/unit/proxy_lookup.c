// SPDX-License-Identifier: GPL-2.0
/* Finding the port of an address or a Host header, and the rule of a request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proxy/lookup.h"
#include "unit.h"

static struct inet address(const char *text)
{
	struct inet out = {0};

	CU_ASSERT(inet_parse(text, &out));
	return out;
}

/* Parts with what is lasting for them, and a lookup over them. */
struct found {
	struct lasting lasting;
	struct part *parts[2];
	size_t nr;
	struct lookup *lookup;
};

static void found_add(struct found *f, const struct table_part *t)
{
	f->lasting.clusters.nr_workers = f->lasting.tallies.nr_workers = 1;
	f->parts[f->nr] = part_new(&f->lasting, f->nr, arena_new(), t);
	f->nr++;
}

static void found_look(struct found *f, const struct table_scope *scopes, size_t nr_scopes)
{
	f->lookup = lookup_new(f->parts, f->nr, scopes, nr_scopes);
}

static void found_free(struct found *f)
{
	lookup_free(f->lookup);
	for (size_t i = 0; i < f->nr; i++)
		part_free(&f->lasting, f->parts[i]);
	CU_ASSERT_EQUAL(f->lasting.tallies.all.nr, 0);
	CU_ASSERT_EQUAL(f->lasting.regexes.by_text.nr, 0);
	clusters_sweep(&f->lasting.clusters);
	CU_ASSERT_EQUAL(f->lasting.clusters.by_name.nr, 0);
	strmap_free(&f->lasting.tallies.all);
	strmap_free(&f->lasting.turns.all);
	strmap_free(&f->lasting.regexes.by_text);
	clusters_free(&f->lasting.clusters);
}

static const struct table_port *dialled(const struct found *f, const char *text, uint16_t port,
					uint32_t scope)
{
	struct inet a = address(text);
	const struct port *p = lookup_entry(f->lookup, &a, port, scope);

	return p ? p->table : NULL;
}

/* ---- entries ---- */

TEST(an_entry_of_the_scope_goes_before_that_of_everyone)
{
	struct table_port ports[3] = {{.port = 80}, {.port = 80}, {.port = 81}};
	struct table_entry entries[] = {
		{address("10.0.0.1"), 80, 0, 0},
		{address("10.0.0.1"), 80, 7, 1},
		{address("2001::1"), 81, 0, 2},
	};
	struct table_scope closed = {.number = 9, .closed = true};
	struct table_part t = {
		.ports = ports, .nr_ports = 3, .entries = entries, .nr_entries = 3};
	struct found f = {0};

	found_add(&f, &t);
	found_look(&f, &closed, 1);
	CU_ASSERT_PTR_EQUAL(dialled(&f, "10.0.0.1", 80, 0), &ports[0]);
	CU_ASSERT_PTR_EQUAL(dialled(&f, "10.0.0.1", 80, 7), &ports[1]);
	CU_ASSERT_PTR_EQUAL(dialled(&f, "10.0.0.1", 80, 8), &ports[0]);
	CU_ASSERT_PTR_NULL(dialled(&f, "10.0.0.1", 80, 9));
	CU_ASSERT_PTR_NULL(dialled(&f, "10.0.0.1", 81, 0));
	CU_ASSERT_PTR_EQUAL(dialled(&f, "2001::1", 81, 7), &ports[2]);
	found_free(&f);
}

TEST(of_two_parts_that_claim_an_address_or_a_name_the_first_has_it)
{
	static const char *domains[] = {"a", "*.b"};
	struct table_port ports[2];
	struct table_entry entry = {address("10.0.0.1"), 80, 0, 0};
	struct table_part parts[2];
	struct found f = {0};
	const struct port *p;

	for (int i = 0; i < 2; i++) {
		ports[i] = (struct table_port){
			.port = 80, .everyone = true, .domains = domains, .nr_domains = 2};
		parts[i] = (struct table_part){
			.ports = &ports[i], .nr_ports = 1, .entries = &entry, .nr_entries = 1};
		found_add(&f, &parts[i]);
	}
	found_look(&f, NULL, 0);
	CU_ASSERT_PTR_EQUAL(dialled(&f, "10.0.0.1", 80, 0), &ports[0]);
	p = lookup_port_by_host(f.lookup, 80, 0, "", http_text("a"));
	CU_ASSERT(p && p->table == &ports[0]);
	p = lookup_port_by_host(f.lookup, 80, 0, "", http_text("x.b"));
	CU_ASSERT(p && p->table == &ports[0]);
	found_free(&f);
}

TEST(many_entries_are_all_found)
{
	enum { NR = 5000 };
	static struct table_port ports[NR];
	static struct table_entry entries[NR];
	struct table_part t = {
		.ports = ports, .nr_ports = NR, .entries = entries, .nr_entries = NR};
	struct found f = {0};
	size_t found = 0;

	for (uint32_t i = 0; i < NR; i++) {
		entries[i] = (struct table_entry){address("10.0.0.0"), 80, i % 3, i};
		entries[i].address.byte[14] = (uint8_t)(i / 3 >> 8);
		entries[i].address.byte[15] = (uint8_t)(i / 3);
	}
	found_add(&f, &t);
	found_look(&f, NULL, 0);
	for (size_t i = 0; i < NR; i++) {
		const struct port *p =
			lookup_entry(f.lookup, &entries[i].address, 80, entries[i].scope);

		found += p && p->table == &ports[i];
	}
	CU_ASSERT_EQUAL(found, NR);
	found_free(&f);
}

/* ---- hosts ---- */

static const char *a_names[] = {"a.default.svc.cluster.local", "a.default", "10.0.0.1",
				"[2001::1]"};
static const char *short_wild[] = {"*.example.com"};
static const char *long_wild[] = {"*.www.example.com", "*-x.example.com"};
static const char *exact_names[] = {"b.www.example.com"};
static const char *any[] = {"*"};
static uint32_t seven[] = {5, 7}, nine[] = {9};

enum { A, SHORT, LONG, EXACT, A_OF_7, A_HIDDEN, EXACT_OF_9, OTHER, NR_HOSTS };
static struct table_port hosts[NR_HOSTS] = {
	[A] = {.port = 80, .everyone = true, .domains = a_names, .nr_domains = 4},
	[SHORT] = {.port = 80, .everyone = true, .domains = short_wild, .nr_domains = 1},
	[LONG] = {.port = 80, .everyone = true, .domains = long_wild, .nr_domains = 2},
	[EXACT] = {.port = 80, .everyone = true, .domains = exact_names, .nr_domains = 1},
	[A_OF_7] =
		{.port = 80, .scopes = seven, .nr_scopes = 2, .domains = a_names, .nr_domains = 4},
	[A_HIDDEN] = {.port = 80,
		      .scopes = nine,
		      .nr_scopes = 1,
		      .hidden = true,
		      .domains = a_names,
		      .nr_domains = 4},
	[EXACT_OF_9] = {.port = 80,
			.scopes = nine,
			.nr_scopes = 1,
			.hidden = true,
			.domains = exact_names,
			.nr_domains = 1},
	[OTHER] = {.port = 81, .everyone = true, .domains = any, .nr_domains = 1},
};
static struct table_scope scopes[] = {{5, true, true}};
static const struct table_part host_part = {.ports = hosts, .nr_ports = NR_HOSTS};

static void hosts_found(struct found *f)
{
	*f = (struct found){0};
	found_add(f, &host_part);
	found_look(f, scopes, 1);
}

/* The index of the port that the header names; -1: none. */
static int named(uint16_t port, uint32_t scope, const char *namespace, const char *host)
{
	const struct port *p;
	struct found f;
	int at;

	hosts_found(&f);
	p = lookup_port_by_host(f.lookup, port, scope, namespace, http_text(host));
	at = p ? (int)(p->table - hosts) : -1;
	found_free(&f);
	return at;
}

TEST(a_host_is_found_in_any_case_and_without_its_port)
{
	CU_ASSERT_EQUAL(named(80, 0, "", "a.default.svc.cluster.local"), A);
	CU_ASSERT_EQUAL(named(80, 0, "", "A.Default:80"), A);
	CU_ASSERT_EQUAL(named(80, 0, "", "a.default:12345"), A);
	CU_ASSERT_EQUAL(named(80, 0, "", "10.0.0.1:80"), A);
	CU_ASSERT_EQUAL(named(80, 0, "", "[2001::1]"), A);
	CU_ASSERT_EQUAL(named(80, 0, "", "[2001::1]:80"), A);
	CU_ASSERT_EQUAL(named(80, 0, "", "a.default:x"), -1);
	CU_ASSERT_EQUAL(named(80, 0, "", ":80"), -1);
	CU_ASSERT_EQUAL(named(80, 0, "", ""), -1);
	CU_ASSERT_EQUAL(named(81, 0, "", "a.default"), OTHER);
	CU_ASSERT_EQUAL(named(82, 0, "", "a.default"), -1);
}

TEST(a_byte_that_is_no_text_ends_no_name)
{
	struct http_text host = {"a.default\0.evil", 15};
	struct found f;

	hosts_found(&f);
	CU_ASSERT_PTR_NULL(lookup_port_by_host(f.lookup, 80, 0, "", host));
	found_free(&f);
}

TEST(a_longer_suffix_goes_before_a_shorter_one)
{
	CU_ASSERT_EQUAL(named(80, 0, "", "b.www.example.com"), EXACT);
	CU_ASSERT_EQUAL(named(80, 0, "", "c.www.example.com"), LONG);
	CU_ASSERT_EQUAL(named(80, 0, "", "www.example.com"), SHORT);
	CU_ASSERT_EQUAL(named(80, 0, "", "a-x.example.com"), LONG);
	CU_ASSERT_EQUAL(named(80, 0, "", "example.com"), -1);
	CU_ASSERT_EQUAL(named(81, 0, "", "example.com"), OTHER);
}

/* A suffix is none when nothing stands before it. */
TEST(a_name_with_a_star_is_no_wildcard_itself)
{
	CU_ASSERT_EQUAL(named(80, 0, "", "*.example.com"), SHORT);
	CU_ASSERT_EQUAL(named(80, 0, "", "*"), -1);
	CU_ASSERT_EQUAL(named(80, 0, "", ".example.com"), -1);
	CU_ASSERT_EQUAL(named(81, 0, "", "*"), OTHER);
}

TEST(a_short_name_is_of_the_callers_namespace)
{
	CU_ASSERT_EQUAL(named(80, 0, "default", "a:80"), A);
	CU_ASSERT_EQUAL(named(80, 0, "other", "a"), -1);
	CU_ASSERT_EQUAL(named(80, 0, "", "a"), -1);
}

TEST(a_scope_sees_its_own_ports_first)
{
	CU_ASSERT_EQUAL(named(80, 7, "", "a.default"), A_OF_7);
	CU_ASSERT_EQUAL(named(80, 8, "", "a.default"), A);
	CU_ASSERT_EQUAL(named(80, 9, "", "a.default"), -1);
	/* what is hidden does not hide a wildcard */
	CU_ASSERT_EQUAL(named(80, 9, "", "b.www.example.com"), LONG);
}

TEST(a_closed_scope_sees_nothing_else)
{
	struct found f;

	CU_ASSERT_EQUAL(named(80, 5, "", "a.default"), A_OF_7);
	CU_ASSERT_EQUAL(named(80, 5, "", "b.www.example.com"), -1);
	hosts_found(&f);
	CU_ASSERT(lookup_refuses_unknown(f.lookup, 5));
	CU_ASSERT_FALSE(lookup_refuses_unknown(f.lookup, 7));
	found_free(&f);
}

/* ---- rules ---- */

static uint32_t state = 1;

static uint32_t below(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % n;
}

static const char *const paths[] = {
	"",	 "/",  "/a",   "/A",	   "/a/", "/a/b", "/ab",    "/a/b/",   "/a/B/c",
	"/a//b", "//", "/abc", "/a/b/c/d", "*",	  "/b",	  "/b?x=1", "/a?x=/b", "/a/b#c",
};
static const char *const expressions[] = {"/a.*", ".*", "/[ab]/b", "/A?b"};
#define PICK(of) ((of)[below(sizeof(of) / sizeof(*(of)))])

static struct named_match asked = {"x", {MATCH_EXACT, "1"}};
static const struct http_header sent = {{"x", 1}, {"1", 1}};

static struct http_match random_match(void)
{
	static const enum match_how hows[] = {MATCH_UNSET, MATCH_PRESENT,  MATCH_EXACT,
					      MATCH_EXACT, MATCH_PREFIX,   MATCH_PREFIX,
					      MATCH_REGEX, MATCH_ELEMENTS, MATCH_ELEMENTS};
	struct http_match m = {.uri = {PICK(hows), ""}, .ignore_uri_case = below(3) == 0};

	if (m.uri.how == MATCH_REGEX)
		m.uri.text = PICK(expressions);
	else if (m.uri.how > MATCH_PRESENT)
		m.uri.text = PICK(paths);
	if (below(3)) {
		m.headers.at = &asked;
		m.headers.nr = 1;
	}
	if (below(4) == 0)
		m.method = (struct string_match){MATCH_EXACT, "PUT"};
	return m;
}

#define MOST_RULES 12
#define MOST_MATCHES 3

/* Rules in which few take everything, so that order matters. */
static size_t random_rules(struct table_rule *rules, struct http_match matches[][MOST_MATCHES])
{
	size_t nr = below(MOST_RULES + 1);

	for (size_t i = 0; i < nr; i++) {
		rules[i] =
			(struct table_rule){.source = "", .matches = matches[i],
					    .nr_matches = below(8) ? 1 + below(MOST_MATCHES) : 0};
		for (size_t j = 0; j < rules[i].nr_matches; j++)
			matches[i][j] = random_match();
	}
	return nr;
}

static const struct table_rule *walked(const struct table_port *p, const struct http_request *r,
				       struct regexes *x, const struct http_match **taken)
{
	*taken = NULL;
	for (size_t i = 0; i < p->nr_rules; i++) {
		const struct table_rule *rule = &p->rules[i];

		if (!rule->nr_matches)
			return rule;
		for (size_t j = 0; j < rule->nr_matches; j++)
			if (http_match_holds(&rule->matches[j], r, x, NULL)) {
				*taken = &rule->matches[j];
				return rule;
			}
	}
	return NULL;
}

TEST(a_rule_is_the_one_that_a_walk_finds)
{
	static struct http_match matches[MOST_RULES][MOST_MATCHES];
	static struct table_rule rules[MOST_RULES];
	struct table_port port = {.rules = rules};
	const struct table_part t = {.ports = &port, .nr_ports = 1};
	size_t wrong = 0, found = 0;
	struct regexes x = {0};

	for (int round = 0; round < 3000; round++) {
		struct found f = {0};

		port.nr_rules = random_rules(rules, matches);
		found_add(&f, &t);
		found_look(&f, NULL, 0);
		for (int i = 0; i < 40; i++) {
			const struct http_match *taken, *want_taken;
			const struct table_rule *want;
			const struct route *route, *limited;
			struct http_request r = {
				.method = http_text(below(4) ? "GET" : "PUT"),
				.scheme = http_text("http"),
				.authority = http_text("a"),
				.path = http_text(PICK(paths)),
				.headers = &sent,
				.nr_headers = below(2),
			};

			want = walked(&port, &r, &x, &want_taken);
			route = port_route(&f.parts[0]->ports[0], &r, &x, &taken, &limited);
			wrong += limited != NULL;
			wrong += (route ? route->rule : NULL) != want || taken != want_taken;
			found += route != NULL;
		}
		found_free(&f);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(found > 20000 && found < 110000); /* both outcomes are tried */
	regexes_free(&x);
}

static struct string_match origin = {MATCH_REGEX, "e"};
static const struct http_cors cors = {.allow_origins = &origin, .nr_allow_origins = 1};

TEST(expressions_are_compiled_ahead_and_once)
{
	struct named_match header = {"x", {MATCH_REGEX, "b+"}};
	struct http_match match = {.uri = {MATCH_REGEX, "/a"}, .headers = {&header, 1}};
	struct http_rewrite rewrite = {.regex = "c", .replacement = "d"};
	struct table_rule rule = {.source = "",
				  .matches = &match,
				  .nr_matches = 1,
				  .rewrite = &rewrite,
				  .cors = &cors};
	struct table_port port = {.rules = &rule, .nr_rules = 1};
	struct table_part t = {.ports = &port, .nr_ports = 1};
	struct found f = {0};
	const struct regex *of_path;

	found_add(&f, &t);
	CU_ASSERT_EQUAL(f.lasting.regexes.by_text.nr, 4);
	of_path = strmap_get(&f.lasting.regexes.by_text, "/a");
	CU_ASSERT_PTR_NOT_NULL(of_path);
	CU_ASSERT_PTR_NOT_NULL(strmap_get(&f.lasting.regexes.by_text, "e"));
	found_add(&f, &t);
	CU_ASSERT_EQUAL(f.lasting.regexes.by_text.nr, 4);
	CU_ASSERT_PTR_EQUAL(strmap_get(&f.lasting.regexes.by_text, "/a"), of_path);
	found_look(&f, NULL, 0);
	found_free(&f);
}
