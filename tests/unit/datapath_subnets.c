/* SPDX-License-Identifier: GPL-2.0 */
/* Services that are subnets, and routes that branch off, put into real maps; and UDP beside TCP. */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>
#include "datapath/variants.h"
#include "scratch.h"

static struct subnet subnet_of(const char *text)
{
	struct subnet s;

	CU_ASSERT_TRUE(inet_parse_cidr(text, &s.address, &s.prefix));
	return s;
}

static struct range range_at(const char *text)
{
	const struct subnet s = subnet_of(text);

	return range_of_subnet(&s);
}

TEST(a_range_has_what_has_its_first_bits)
{
	static const struct {
		const char *outer, *inner;
		bool has;
	} cases[] = {
		{"10.0.0.0/8", "10.255.255.255/32", true}, {"10.0.0.0/8", "11.0.0.0/32", false},
		{"10.0.0.0/8", "10.0.0.0/8", true},	   {"10.0.0.0/9", "10.0.0.0/8", false},
		{"10.0.0.0/15", "10.1.0.0/16", true},	   {"10.0.0.0/15", "10.2.0.0/16", false},
		{"0.0.0.0/0", "10.2.0.0/16", true},	   {"0.0.0.0/0", "fd00::/16", false},
		{"::/0", "10.2.0.0/16", true},		   {"fd00::/7", "fc00::1/128", true},
		{"fd00::/8", "fc00::1/128", false},	   {"::1/128", "::1/128", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct range outer = range_at(cases[i].outer), inner = range_at(cases[i].inner);

		CU_ASSERT_EQUAL(range_has(&outer, &inner), cases[i].has);
	}
}

TEST(a_key_of_a_subnet_is_the_same_there_and_back)
{
	static const char *const subnets[] = {"10.1.0.0/16", "0.0.0.0/0", "fd00::/7", "::/0",
					      "10.0.0.0/31", "fd00::/127"};
	const struct port_id port = {53, IPPROTO_UDP};

	for (size_t i = 0; i < sizeof(subnets) / sizeof(subnets[0]); i++) {
		const struct range range = range_at(subnets[i]);
		const struct service_key key = range_key(&range, port, 7);
		const struct subnet_key subnet = range_subnet_key(&key);
		const struct service_key back = range_service_key(&subnet);

		CU_ASSERT_FALSE(memcmp(&key, &back, sizeof(key)));
		CU_ASSERT_EQUAL(subnet.prefix, SUBNET_BEFORE + 128 - range.host_bits);
	}
}

#define NR_ROUTES 4

/* A host with a subnet and an address, and a port with branches. */
struct sample {
	struct plan_cluster clusters[NR_ROUTES];
	struct plan_split splits[NR_ROUTES];
	struct plan_branch branches[NR_ROUTES - 1];
	struct subnet subnet;
	struct inet address;
	struct plan_port port;
	struct plan_host host;
	struct plan plan;
};

static struct plan_route route_to(struct sample *s, int i)
{
	static const char *const subsets[] = {"v1", "v2", "v3", "v4"};

	s->clusters[i] = (struct plan_cluster){.host = "db", .subset = subsets[i], .port = 80,
					       .udp = s->port.protocol == PROTOCOL_UDP,
					       .because = "", .apart = ""};
	s->splits[i] = (struct plan_split){.weight = 1, .cluster = &s->clusters[i]};
	return (struct plan_route){.name = "default", .object = "", .splits = &s->splits[i],
				   .nr_splits = 1, .total = 1};
}

static void sample_init(struct sample *s, uint32_t number, enum protocol protocol,
			const char *const *branches)
{
	memset(s, 0, sizeof(*s));
	s->subnet = subnet_of("10.1.0.0/16");
	inet_parse("10.9.0.1", &s->address);
	s->port = (struct plan_port){.port = 80, .protocol = protocol, .name = "", .because = "",
				     .verdict = VERDICT_KERNEL, .branches = s->branches};
	s->port.route = route_to(s, 0);
	for (; branches && branches[s->port.nr_branches]; s->port.nr_branches++)
		s->branches[s->port.nr_branches] = (struct plan_branch){
			subnet_of(branches[s->port.nr_branches]),
			route_to(s, (int)s->port.nr_branches + 1)};
	s->host = (struct plan_host){.host = "db", .id = "ServiceEntry/default/db",
				     .addresses = &s->address, .nr_addresses = 1,
				     .subnets = &s->subnet, .nr_subnets = 1, .ports = &s->port,
				     .nr_ports = 1, .visible = true};
	s->plan.number = number;
	strmap_put(&s->plan.hosts, s->host.host, &s->host);
}

static void sync_to(struct sample *s)
{
	struct diags diags = {0};

	CU_ASSERT_EQUAL(datapath_sync(dp, &s->plan, &diags), 0);
	CU_ASSERT_EQUAL(diags.nr_errors, 0);
}

static void sample_free(struct sample *s)
{
	strmap_free(&s->plan.hosts);
}

/* The subset that the key of just this range leads to; "": there is none. */
static const char *subset_at(const char *text, uint8_t protocol)
{
	static struct cluster_name name;
	const struct range range = range_at(text);
	const struct service_key key = range_key(&range, (struct port_id){80, protocol}, SCOPE_ALL);
	const struct subnet_key subnet = range_subnet_key(&key);
	const struct route *route;
	uint32_t slot;

	if (key.host_bits ? bpf_map_lookup_elem(dp->fds[MAP_SERVICE_SUBNETS], &subnet, &slot) :
			    bpf_map_lookup_elem(dp->fds[MAP_SERVICES], &key, &slot))
		return "";
	CU_ASSERT_FALSE(memcmp(&dp->services[slot].key, &key, sizeof(key)));
	route = &dp->routes[(uint32_t)dp->services[slot].word];
	slot = dp->clusters[route->first_cluster].state;
	CU_ASSERT_EQUAL(bpf_map_lookup_elem(dp->fds[MAP_CLUSTER_NAMES], &slot, &name), 0);
	CU_ASSERT_EQUAL(name.protocol, protocol);
	return name.subset;
}

TEST(branches_have_keys_inside_of_what_the_service_has)
{
	static const char *const branches[] = {"10.1.2.0/24", "10.0.0.0/8", "10.1.2.128/25", NULL};
	struct sample s, plain;
	char *why = NULL;

	up();
	sample_init(&s, 1, PROTOCOL_TCP, branches);
	sync_to(&s);
	for (int again = 0; again < 2; again++) {
		CU_ASSERT_STRING_EQUAL(subset_at("10.1.0.0/16", IPPROTO_TCP), "v3");
		CU_ASSERT_STRING_EQUAL(subset_at("10.1.2.0/24", IPPROTO_TCP), "v2");
		CU_ASSERT_STRING_EQUAL(subset_at("10.1.2.128/25", IPPROTO_TCP), "v4");
		CU_ASSERT_STRING_EQUAL(subset_at("10.0.0.0/8", IPPROTO_TCP), "");
		CU_ASSERT_STRING_EQUAL(subset_at("10.9.0.1/32", IPPROTO_TCP), "v3");
		CU_ASSERT_EQUAL(dp->control->subnets, 3);
		datapath_close(dp);
		CU_ASSERT_EQUAL_FATAL(datapath_open(root, &dp, &why), 0);
		CU_ASSERT_EQUAL(dp->control->subnets, 3);
		sync_to(&s);
	}
	sample_init(&plain, 2, PROTOCOL_TCP, NULL);
	sync_to(&plain);
	CU_ASSERT_STRING_EQUAL(subset_at("10.1.0.0/16", IPPROTO_TCP), "v1");
	CU_ASSERT_STRING_EQUAL(subset_at("10.9.0.1/32", IPPROTO_TCP), "v1");
	CU_ASSERT_EQUAL(dp->control->subnets, 1);
	down();
	sample_free(&s);
	sample_free(&plain);
}

TEST(udp_and_tcp_of_one_port_have_clusters_of_their_own)
{
	struct plan_port ports[2];
	struct sample tcp, udp;

	up();
	sample_init(&tcp, 1, PROTOCOL_TCP, NULL);
	sample_init(&udp, 1, PROTOCOL_UDP, NULL);
	ports[0] = tcp.port;
	ports[1] = udp.port;
	tcp.host.ports = ports;
	tcp.host.nr_ports = 2;
	sync_to(&tcp);
	CU_ASSERT_STRING_EQUAL(subset_at("10.9.0.1/32", IPPROTO_TCP), "v1");
	CU_ASSERT_STRING_EQUAL(subset_at("10.9.0.1/32", IPPROTO_UDP), "v1");
	CU_ASSERT_STRING_EQUAL(subset_at("10.1.0.0/16", IPPROTO_UDP), "v1");
	CU_ASSERT_EQUAL(dp->cluster_refs.nr, 2);
	CU_ASSERT_EQUAL(dp->ports.nr, 2);
	down();
	sample_free(&tcp);
	sample_free(&udp);
}
