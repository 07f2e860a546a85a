// SPDX-License-Identifier: GPL-2.0
/* What the proxy gets to know of a plan. */
#include "agent/snapshot.h"
#include "plan_mesh.h"
#include "snapshot/block.h"

/* A mesh and its parts; scopes are numbered in the order in which they are asked for. */
struct shot {
	struct mesh mesh;
	struct arena *arena;
	bool dialled[UINT16_MAX + 1];
	VEC(const struct table_part *) parts;
	struct table table; /* its scopes */
	struct strmap numbers;
};

static uint32_t number_of(const char *key, void *arg)
{
	struct strmap *numbers = arg;

	if (!strmap_get(numbers, key))
		strmap_put(numbers, key, (void *)(numbers->nr + 1));
	return (uint32_t)(size_t)strmap_get(numbers, key);
}

/* Whatever comes of a plan can be written, and read back. */
static bool comes_back(const struct table_part *p)
{
	struct arena *arena = arena_new();
	struct table_part *back;
	void *bytes;
	size_t size;
	bool same = false;

	if (!part_write(p, &bytes, &size)) {
		same = !part_read(bytes, size, arena, &back) && back->nr_ports == p->nr_ports;
		free(bytes);
	}
	arena_free(arena);
	return same;
}

static struct shot *shot_of(const char *text)
{
	struct shot *s = xcalloc(1, sizeof(*s));
	struct snapshot_ground g = {s->dialled, number_of, &s->numbers};
	struct plan_host **hosts;
	size_t nr;

	s->mesh = mesh_new(text);
	s->arena = arena_new();
	hosts = plan_sorted(s->mesh.plan, &nr);
	for (size_t i = 0; i < nr; i++)
		snapshot_dialled(hosts[i], &g);
	for (size_t i = 0; i < nr; i++)
		if (snapshot_wants(hosts[i], &g)) {
			vec_push(&s->parts, snapshot_part(hosts[i], &g, s->arena));
			CU_ASSERT(comes_back(s->parts.at[s->parts.nr - 1]));
		}
	snapshot_scopes(s->mesh.plan, &g, s->arena, &s->table);
	free(hosts);
	return s;
}

static void shot_free(struct shot *s)
{
	vec_free(&s->parts);
	strmap_free(&s->numbers);
	arena_free(s->arena);
	mesh_free(&s->mesh);
	free(s);
}

static uint32_t scope(struct shot *s, const char *key)
{
	return (uint32_t)(size_t)strmap_get(&s->numbers, key);
}

/* The port that callers of the scope (0: everyone) dial; NULL: none. */
static const struct table_port *dialled(const struct shot *s, const char *address, uint16_t port,
					uint32_t scope)
{
	struct inet a = {0};

	inet_parse(address, &a);
	for (size_t n = 0; n < s->parts.nr; n++)
		for (size_t i = 0; i < s->parts.at[n]->nr_entries; i++) {
			const struct table_entry *e = &s->parts.at[n]->entries[i];

			if (inet_equal(&e->address, &a) && e->port == port && e->scope == scope)
				return &s->parts.at[n]->ports[e->at];
		}
	return NULL;
}

static const struct table_port *port_of(const struct shot *s, const char *host, uint16_t port,
					bool everyone)
{
	for (size_t n = 0; n < s->parts.nr; n++)
		for (size_t i = 0; i < s->parts.at[n]->nr_ports; i++) {
			const struct table_port *p = &s->parts.at[n]->ports[i];

			if (!strcmp(p->host, host) && p->port == port && p->everyone == everyone)
				return p;
		}
	return NULL;
}

/* The first one of the shot with the name. */
static const struct table_cluster *cluster_named(const struct shot *s, const char *name)
{
	for (size_t n = 0; n < s->parts.nr; n++)
		for (size_t i = 0; i < s->parts.at[n]->nr_clusters; i++)
			if (!strcmp(s->parts.at[n]->clusters[i].name, name))
				return &s->parts.at[n]->clusters[i];
	return NULL;
}

static size_t clusters_nr(const struct shot *s)
{
	size_t nr = 0;

	for (size_t n = 0; n < s->parts.nr; n++)
		nr += s->parts.at[n]->nr_clusters;
	return nr;
}

static bool answers_to(const struct table_port *p, const char *domain)
{
	for (size_t i = 0; i < p->nr_domains; i++)
		if (!strcmp(p->domains[i], domain))
			return true;
	return false;
}

#define HOST(name) name ".default.svc.cluster.local"
#define REVIEWS                                                                                    \
	"apiVersion: v1\n"                                                                         \
	"kind: Service\n"                                                                          \
	"metadata: {name: reviews}\n"                                                              \
	"spec:\n"                                                                                  \
	"  clusterIP: 10.96.0.1\n"                                                                 \
	"  selector: {app: reviews}\n"                                                             \
	"  ports: [{name: http, port: 9080}, {name: tcp, port: 9000}]\n"                           \
	"---\n"                                                                                    \
	"apiVersion: v1\n"                                                                         \
	"kind: Pod\n"                                                                              \
	"metadata: {name: reviews-v1, labels: {app: reviews, version: v1}}\n"                      \
	"status: {podIP: 10.1.0.1}\n"                                                              \
	"---\n"                                                                                    \
	"apiVersion: v1\n"                                                                         \
	"kind: Pod\n"                                                                              \
	"metadata: {name: reviews-v2, labels: {app: reviews, version: v2}}\n"                      \
	"status: {podIP: 10.1.0.2}\n"                                                              \
	"---\n"
#define RATINGS                                                                                    \
	"apiVersion: v1\n"                                                                         \
	"kind: Service\n"                                                                          \
	"metadata: {name: ratings}\n"                                                              \
	"spec:\n"                                                                                  \
	"  clusterIP: 10.96.0.2\n"                                                                 \
	"  ports: [{name: http, port: 9080}, {name: http-other, port: 8080}]\n"                    \
	"---\n"
#define SUBSETS                                                                                    \
	"apiVersion: networking.istio.io/v1\n"                                                     \
	"kind: DestinationRule\n"                                                                  \
	"metadata: {name: reviews}\n"                                                              \
	"spec:\n"                                                                                  \
	"  host: reviews\n"                                                                        \
	"  subsets:\n"                                                                             \
	"  - {name: v1, labels: {version: v1}}\n"                                                  \
	"  - {name: v2, labels: {version: v2}}\n"                                                  \
	"---\n"
#define ROUTES                                                                                     \
	"apiVersion: networking.istio.io/v1\n"                                                     \
	"kind: VirtualService\n"                                                                   \
	"metadata: {name: reviews}\n"                                                              \
	"spec:\n"                                                                                  \
	"  hosts: [reviews]\n"                                                                     \
	"  http:\n"                                                                                \
	"  - name: beta\n"                                                                         \
	"    match: [{headers: {end-user: {exact: jason}}}]\n"                                     \
	"    route: [{destination: {host: reviews, subset: v2}}]\n"                                \
	"    mirror: {host: reviews, subset: none}\n"                                              \
	"    timeout: 2s\n"                                                                        \
	"  - route:\n"                                                                             \
	"    - {destination: {host: reviews, subset: v1}, weight: 75}\n"                           \
	"    - {destination: {host: reviews, subset: v2}, weight: 25}\n"                           \
	"---\n"

TEST(without_a_port_that_needs_the_proxy_there_is_nothing)
{
	struct shot *s = shot_of(REVIEWS RATINGS);

	CU_ASSERT_EQUAL(s->parts.nr, 0);
	shot_free(s);
}

TEST(a_port_that_needs_the_proxy_has_its_rules)
{
	struct shot *s = shot_of(REVIEWS SUBSETS ROUTES);
	const struct table_port *p = dialled(s, "10.96.0.1", 9080, 0);
	const struct table_rule *r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_STRING_EQUAL(p->host, HOST("reviews"));
	CU_ASSERT_EQUAL(p->protocol, TABLE_HTTP);
	CU_ASSERT_PTR_NULL(p->bytes);
	CU_ASSERT(answers_to(p, HOST("reviews")) && answers_to(p, "reviews.default") &&
		  answers_to(p, "10.96.0.1"));
	CU_ASSERT_EQUAL_FATAL(p->nr_rules, 2);
	r = &p->rules[0];
	CU_ASSERT_STRING_EQUAL(r->name, "beta");
	CU_ASSERT_STRING_EQUAL(r->source, "VirtualService/default/reviews spec.http[0]");
	CU_ASSERT_STRING_EQUAL(r->matches[0].headers.at[0].value.text, "jason");
	CU_ASSERT_EQUAL(r->timeout, 2000000000);
	CU_ASSERT_EQUAL(r->nr_mirrors, 0); /* to a subset that is not there */
	CU_ASSERT_STRING_EQUAL(r->splits[0].cluster->name, "outbound|9080|v2|" HOST("reviews"));
	r = &p->rules[1];
	CU_ASSERT_EQUAL(r->nr_matches, 0);
	CU_ASSERT_EQUAL(r->total, 4);
	CU_ASSERT_EQUAL(r->splits[0].weight, 3);
	CU_ASSERT_PTR_EQUAL(r->splits[1].cluster, p->rules[0].splits[0].cluster);
	CU_ASSERT_EQUAL(clusters_nr(s), 2);
	CU_ASSERT_PTR_NULL(dialled(s, "10.96.0.1", 9000, 0));
	shot_free(s);
}

TEST(a_host_in_the_kernel_can_be_named_where_another_is_dialled)
{
	struct shot *s = shot_of(REVIEWS RATINGS SUBSETS ROUTES);
	const struct table_port *p = port_of(s, HOST("ratings"), 9080, true);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_EQUAL_FATAL(p->nr_rules, 1);
	CU_ASSERT_STRING_EQUAL(p->rules[0].name, "default");
	CU_ASSERT_STRING_EQUAL(p->rules[0].splits[0].cluster->name,
			       "outbound|9080||" HOST("ratings"));
	/* a connection of a time when it was the proxy's may live on */
	CU_ASSERT_PTR_EQUAL(dialled(s, "10.96.0.2", 9080, 0), p);
	CU_ASSERT_PTR_NULL(port_of(s, HOST("ratings"), 8080, true));
	shot_free(s);
}

TEST(a_headless_host_leads_to_the_address_that_was_dialled)
{
	struct shot *s = shot_of(REVIEWS SUBSETS ROUTES
				"apiVersion: v1\n"
				"kind: Service\n"
				"metadata: {name: db}\n"
				"spec: {clusterIP: None, ports: [{name: http, port: 9080}]}\n");
	const struct table_port *p = port_of(s, HOST("db"), 9080, true);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT(answers_to(p, "*." HOST("db")));
	CU_ASSERT_EQUAL(p->rules[0].splits[0].cluster->balancer, BALANCE_ORIGINAL);
	shot_free(s);
}

TEST(other_bytes_of_a_sniffed_port_have_a_way)
{
	struct shot *s = shot_of("apiVersion: v1\n"
				"kind: Service\n"
				"metadata: {name: a}\n"
				"spec: {clusterIP: 10.96.0.1, ports: [{name: x, port: 80}]}\n"
				"---\n"
				"apiVersion: networking.istio.io/v1\n"
				"kind: VirtualService\n"
				"metadata: {name: a}\n"
				"spec:\n"
				"  hosts: [a]\n"
				"  http: [{timeout: 1s, route: [{destination: {host: a}}]}]\n");
	const struct table_port *p = dialled(s, "10.96.0.1", 80, 0);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_EQUAL(p->protocol, TABLE_SNIFFED);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->bytes);
	CU_ASSERT_PTR_EQUAL(p->bytes->splits[0].cluster, p->rules[0].splits[0].cluster);
	CU_ASSERT_EQUAL(p->bytes->timeout, 0);
	shot_free(s);
}

/* ---- policies ---- */

TEST(a_policy_that_says_nothing_has_its_defaults)
{
	struct shot *s = shot_of(REVIEWS SUBSETS ROUTES);
	const struct table_cluster *c = cluster_named(s, "outbound|9080|v1|" HOST("reviews"));

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(c->balancer, BALANCE_LEAST_REQUEST);
	CU_ASSERT_EQUAL(c->connect_timeout, INT64_C(10000000000));
	CU_ASSERT_EQUAL(c->idle_timeout, INT64_C(3600000000000));
	CU_ASSERT_EQUAL(c->max_connections, 0);
	CU_ASSERT_PTR_NULL(c->outlier);
	CU_ASSERT_PTR_NULL(c->retry_budget);
	CU_ASSERT_EQUAL(c->cookie_ttl, -1);
	CU_ASSERT_EQUAL(c->nr_endpoints, 1);
	CU_ASSERT_EQUAL(c->endpoints[0].weight, 1);
	CU_ASSERT_EQUAL(c->endpoints[0].port, 9080);
	shot_free(s);
}

#define POLICY                                                                                     \
	"apiVersion: networking.istio.io/v1\n"                                                     \
	"kind: DestinationRule\n"                                                                  \
	"metadata: {name: reviews}\n"                                                              \
	"spec:\n"                                                                                  \
	"  host: reviews\n"                                                                        \
	"  trafficPolicy:\n"                                                                       \
	"    loadBalancer: {consistentHash: {httpCookie: {name: user, path: /, ttl: 0s}}}\n"       \
	"    connectionPool:\n"                                                                    \
	"      tcp: {maxConnections: 7, idleTimeout: 0s, connectTimeout: 1s}\n"                    \
	"      http: {http1MaxPendingRequests: 1, http2MaxRequests: 2, maxRetries: 3}\n"           \
	"    outlierDetection: {splitExternalLocalOriginErrors: true, consecutive5xxErrors: 0}\n"  \
	"    retryBudget: {percent: 12.5}\n"                                                       \
	"    proxyProtocol: {version: V2}\n"

TEST(a_policy_is_taken_over)
{
	struct shot *s = shot_of(REVIEWS POLICY);
	const struct table_cluster *c = cluster_named(s, "outbound|9080||" HOST("reviews"));

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(c->balancer, BALANCE_RING);
	CU_ASSERT_EQUAL(c->hash, TABLE_HASH_COOKIE);
	CU_ASSERT_EQUAL(c->hash_size, 1024);
	CU_ASSERT_EQUAL(c->cookie_ttl, 0);
	CU_ASSERT_EQUAL(c->max_connections, 7);
	CU_ASSERT_EQUAL(c->max_pending, 1);
	CU_ASSERT_EQUAL(c->max_requests, 2);
	CU_ASSERT_EQUAL(c->max_retries, 3);
	CU_ASSERT_EQUAL(c->connect_timeout, INT64_C(1000000000));
	CU_ASSERT_EQUAL(c->idle_timeout, 0); /* never */
	CU_ASSERT_EQUAL(c->proxy_protocol, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c->outlier);
	CU_ASSERT_EQUAL(c->outlier->consecutive_5xx, 0);
	CU_ASSERT_EQUAL(c->outlier->consecutive_gateway, 0);
	CU_ASSERT_EQUAL(c->outlier->consecutive_local, 5);
	CU_ASSERT_EQUAL(c->outlier->max_ejection_percent, 10);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c->retry_budget);
	CU_ASSERT_EQUAL(c->retry_budget->millionths, 125000);
	CU_ASSERT_EQUAL(c->retry_budget->min_concurrency, 3);
	shot_free(s);
}

/* ---- who calls ---- */

#define WEB                                                                                        \
	"apiVersion: v1\n"                                                                         \
	"kind: Pod\n"                                                                              \
	"metadata: {name: web, labels: {app: web}}\n"                                              \
	"status: {podIP: 10.1.0.9}\n"                                                              \
	"---\n"

TEST(callers_that_a_rule_asks_for_have_ports_and_entries_of_their_own)
{
	struct shot *s = shot_of(REVIEWS WEB "apiVersion: networking.istio.io/v1\n"
					    "kind: VirtualService\n"
					    "metadata: {name: reviews}\n"
					    "spec:\n"
					    "  hosts: [reviews]\n"
					    "  http:\n"
					    "  - match: [{sourceLabels: {app: web}}]\n"
					    "    timeout: 1s\n"
					    "    route: [{destination: {host: reviews}}]\n"
					    "  - route: [{destination: {host: reviews}}]\n");
	uint32_t web = scope(s, "default{app=web}") | scope(s, "*{app=web}");
	const struct table_port *own = dialled(s, "10.96.0.1", 9080, web);

	CU_ASSERT(web);
	CU_ASSERT_PTR_NOT_NULL_FATAL(own);
	CU_ASSERT_EQUAL(own->rules[0].timeout, 1000000000);
	CU_ASSERT_FALSE(own->everyone);
	CU_ASSERT_EQUAL_FATAL(own->nr_scopes, 1);
	CU_ASSERT_EQUAL(own->scopes[0], web);
	CU_ASSERT_PTR_EQUAL(dialled(s, "10.96.0.1", 9080, 0),
			    port_of(s, HOST("reviews"), 9080, true));
	/* what is the same for both is one cluster */
	CU_ASSERT_EQUAL(clusters_nr(s), 1);
	shot_free(s);
}

TEST(a_cluster_that_differs_for_some_callers_has_a_name_of_its_own)
{
	struct shot *s =
		shot_of(REVIEWS WEB "apiVersion: networking.istio.io/v1\n"
				    "kind: DestinationRule\n"
				    "metadata: {name: web}\n"
				    "spec:\n"
				    "  host: reviews\n"
				    "  workloadSelector: {matchLabels: {app: web}}\n"
				    "  trafficPolicy: {connectionPool: {http: {maxRetries: 1}}}\n"
				    "---\n"
				    "apiVersion: networking.istio.io/v1\n"
				    "kind: DestinationRule\n"
				    "metadata: {name: all}\n"
				    "spec:\n"
				    "  host: reviews\n"
				    "  trafficPolicy: {connectionPool: {http: {maxRetries: 2}}}\n");
	const struct table_cluster *all = cluster_named(s, "outbound|9080||" HOST("reviews"));
	const struct table_cluster *web = cluster_named(
		s, "outbound|9080||" HOST("reviews") "@DestinationRule/default/web");

	CU_ASSERT_EQUAL(clusters_nr(s), 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	CU_ASSERT_PTR_NOT_NULL_FATAL(web);
	CU_ASSERT_EQUAL(all->max_retries, 2);
	CU_ASSERT_EQUAL(web->max_retries, 1);
	shot_free(s);
}

/* So limits count all callers together, whatever rules lead them there. */
TEST(a_cluster_that_only_some_callers_reach_has_the_plain_name)
{
	struct shot *s = shot_of(REVIEWS WEB SUBSETS "apiVersion: networking.istio.io/v1\n"
						     "kind: VirtualService\n"
						     "metadata: {name: reviews}\n"
						     "spec:\n"
						     "  hosts: [reviews]\n"
						     "  http:\n"
						     "  - match: [{sourceLabels: {app: web}}]\n"
						     "    timeout: 1s\n"
						     "    route: [{destination: {host: reviews, "
						     "subset: v2}}]\n"
						     "  - route: [{destination: {host: reviews, "
						     "subset: v1}}]\n");

	CU_ASSERT_EQUAL(clusters_nr(s), 2);
	CU_ASSERT_PTR_NOT_NULL(cluster_named(s, "outbound|9080|v2|" HOST("reviews")));
	CU_ASSERT_PTR_NOT_NULL(cluster_named(s, "outbound|9080|v1|" HOST("reviews")));
	shot_free(s);
}

#define SIDECAR(mode)                                                                              \
	"apiVersion: networking.istio.io/v1\n"                                                     \
	"kind: Sidecar\n"                                                                          \
	"metadata: {name: web}\n"                                                                  \
	"spec:\n"                                                                                  \
	"  workloadSelector: {labels: {app: web}}\n"                                               \
	"  outboundTrafficPolicy: {mode: " mode "}\n"                                              \
	"  egress: [{hosts: [./" HOST("reviews") "]}]\n"

TEST(a_sidecar_closes_a_scope)
{
	struct shot *s = shot_of(REVIEWS RATINGS WEB SUBSETS ROUTES SIDECAR("ALLOW_ANY"));
	const struct table_port *reviews = port_of(s, HOST("reviews"), 9080, true);
	const struct table_port *ratings = port_of(s, HOST("ratings"), 9080, true);

	CU_ASSERT_EQUAL_FATAL(s->table.nr_scopes, 1);
	CU_ASSERT(s->table.scopes[0].closed && !s->table.scopes[0].refuse_unknown);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reviews);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ratings);
	/* it sees the one as everyone does, and the other not at all */
	CU_ASSERT_EQUAL_FATAL(reviews->nr_scopes, 1);
	CU_ASSERT_EQUAL(reviews->scopes[0], s->table.scopes[0].number);
	CU_ASSERT_PTR_EQUAL(dialled(s, "10.96.0.1", 9080, reviews->scopes[0]), reviews);
	CU_ASSERT_EQUAL(ratings->nr_scopes, 0);
	shot_free(s);
}

TEST(a_sidecar_that_refuses_what_is_unknown_says_so)
{
	struct shot *s = shot_of(REVIEWS WEB SUBSETS ROUTES SIDECAR("REGISTRY_ONLY"));
	const struct table_port *own;

	CU_ASSERT_EQUAL_FATAL(s->table.nr_scopes, 1);
	CU_ASSERT(s->table.scopes[0].refuse_unknown);
	own = dialled(s, "10.96.0.1", 9080, s->table.scopes[0].number);
	CU_ASSERT_PTR_NOT_NULL_FATAL(own);
	CU_ASSERT_EQUAL(own->nr_rules, 2);
	CU_ASSERT_EQUAL(clusters_nr(s), 2); /* as many as without */
	shot_free(s);
}

#define ENTRY(name, export, port)                                                                  \
	"apiVersion: networking.istio.io/v1\n"                                                     \
	"kind: ServiceEntry\n"                                                                     \
	"metadata: {name: " name ", namespace: " name "}\n"                                        \
	"spec:\n"                                                                                  \
	"  hosts: [x.example.com]\n"                                                               \
	"  exportTo: [" export "]\n"                                                               \
			       "  addresses: [10.97.0." port "]\n"                                 \
			       "  ports: [{number: 908" port ", name: http, protocol: HTTP}]\n"    \
			       "  resolution: STATIC\n"                                            \
			       "  endpoints: [{address: 10.3.0.1}]\n"                              \
			       "---\n"

TEST(a_port_that_some_callers_do_not_have_is_hidden_from_them)
{
	struct shot *s =
		shot_of(REVIEWS SUBSETS ROUTES ENTRY("one", "'*'", "0")
				ENTRY("two", "'.'", "1") "apiVersion: v1\n"
							 "kind: Pod\n"
							 "metadata: {name: p, namespace: two}\n"
							 "status: {podIP: 10.1.0.8}\n");
	const struct table_port *all = port_of(s, "x.example.com", 9080, true);
	const struct table_port *two = port_of(s, "x.example.com", 9080, false);

	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	CU_ASSERT_FALSE(all->hidden);
	CU_ASSERT_PTR_NOT_NULL_FATAL(two);
	CU_ASSERT(two->hidden);
	CU_ASSERT_EQUAL(two->nr_scopes, 1);
	CU_ASSERT_EQUAL(two->nr_rules, 0);
	CU_ASSERT(answers_to(two, "x.example.com"));
	shot_free(s);
}
