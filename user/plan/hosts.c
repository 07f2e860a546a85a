// SPDX-License-Identifier: GPL-2.0
/* The plan's hosts as lines of /etc/hosts, for machines without a name server that knows them. */
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"

struct families {
	bool ipv4, ipv6;
};

static void families_add(struct families *f, const struct plan_port *ports, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct plan_route *r = &ports[i].route;

		for (size_t j = 0; j < r->nr_splits; j++)
			for (size_t k = 0; k < r->splits[j].cluster->nr_endpoints; k++) {
				f->ipv4 |= r->splits[j].cluster->endpoints[k].has_ipv4;
				f->ipv6 |= r->splits[j].cluster->endpoints[k].has_ipv6;
			}
	}
}

static struct families families_of(const struct plan_host *h)
{
	struct families f = {false, false};

	families_add(&f, h->ports, h->nr_ports);
	for (size_t i = 0; i < h->nr_views; i++)
		families_add(&f, h->views[i].ports, h->views[i].nr_ports);
	if (!f.ipv4 && !f.ipv6)
		f.ipv4 = true;
	return f;
}

/* Of a Service: "reviews.default.svc reviews.default", and "reviews" within its namespace. */
static void short_names_print(const struct plan_host *h, const char *namespace, FILE *out)
{
	size_t domain = strlen("." CLUSTER_DOMAIN), length = strlen(h->host);
	const char *dot = strchr(h->host, '.');

	if (strncmp(h->id, "Service/", 8) || length < domain || !dot)
		return;
	fprintf(out, " %.*s", (int)(length - domain), h->host);
	fprintf(out, " %.*s", (int)(length - domain - strlen(".svc")), h->host);
	if (namespace && id_in_namespace(h->id, namespace))
		fprintf(out, " %.*s", (int)(dot - h->host), h->host);
}

void plan_hosts_print(const struct plan *p, const char *namespace, FILE *out)
{
	size_t nr;
	struct plan_host **hosts = plan_sorted(p, &nr);
	char text[INET_TEXT];

	for (size_t i = 0; i < nr; i++) {
		const struct plan_host *h = hosts[i];
		struct families f = families_of(h);

		for (size_t j = 0; h->host[0] != '*' && j < h->nr_addresses; j++) {
			if (!(inet_is_v4(&h->addresses[j]) ? f.ipv4 : f.ipv6))
				continue;
			fprintf(out, "%s %s", inet_print(&h->addresses[j], text), h->host);
			short_names_print(h, namespace, out);
			fputc('\n', out);
		}
	}
	free(hosts);
}
