// SPDX-License-Identifier: GPL-2.0
/* Prints what the kernel counted of each destination: connections, health, and traffic. */
#include "telemetry/clusters.h"
#include <inttypes.h>
#include <string.h>

struct readings {
	VEC(struct cluster_reading) list;
};

static const struct metric {
	const char *name, *type, *help;
	size_t at; /* of the number in struct cluster_reading */
	double unit; /* what the number is divided by; 0: it is printed as it is */
} metrics[] = {
#define OF(member_) offsetof(struct cluster_reading, member_)
	{"shunt_cluster_connections_active", "gauge", "reservations held now, on this node",
	 OF(active), 0},
	{"shunt_cluster_connections_opened_total", "counter", "connections sent to this cluster",
	 OF(opened), 0},
	{"shunt_cluster_connections_connected_total", "counter", "of these, established",
	 OF(connected), 0},
	{"shunt_cluster_connections_ended_total", "counter", "established ones that ended",
	 OF(traffic.ended), 0},
	{"shunt_cluster_refused_limit_total", "counter", "connections refused at maxConnections",
	 OF(refused_limit), 0},
	{"shunt_cluster_refused_no_endpoint_total", "counter",
	 "connections refused for want of an endpoint", OF(refused_no_endpoint), 0},
	{"shunt_cluster_connect_failed_total", "counter", "connections that their endpoint failed",
	 OF(connect_failed), 0},
	{"shunt_cluster_connect_refused_total", "counter", "of these, refused",
	 OF(traffic.refused), 0},
	{"shunt_cluster_connect_timed_out_total", "counter", "of these, not answered in time",
	 OF(traffic.timed_out), 0},
	{"shunt_cluster_connect_unreachable_total", "counter", "of these, without a way there",
	 OF(traffic.unreachable), 0},
	{"shunt_cluster_connections_reset_total", "counter",
	 "established connections that the other end broke off", OF(traffic.reset), 0},
	{"shunt_cluster_connections_lost_total", "counter",
	 "established connections that were not answered any more", OF(traffic.lost), 0},
	{"shunt_cluster_connections_drained_total", "counter",
	 "connections ended as their endpoint went or their share shrank", OF(traffic.drained), 0},
	{"shunt_cluster_connections_expired_total", "counter",
	 "connections ended at idleTimeout or maxConnectionDuration", OF(traffic.expired), 0},
	{"shunt_cluster_ejections_total", "counter",
	 "endpoints left out for a time, as connects to them failed in a row", OF(ejections), 0},
	{"shunt_cluster_ejections_refused_total", "counter",
	 "ejections that maxEjectionPercent forbade", OF(ejections_refused), 0},
	{"shunt_cluster_guards_total", "counter", "how often a guard took it out of its split",
	 OF(guards), 0},
	{"shunt_cluster_guarded_since_seconds", "gauge",
	 "uptime of the node when its guard took it out; 0: it has its turns", OF(guarded), 1e9},
	{"shunt_cluster_sent_bytes_total", "counter",
	 "by callers, over connections that ended, without what was spliced",
	 OF(traffic.bytes_sent), 0},
	{"shunt_cluster_received_bytes_total", "counter", "the same, by callers received",
	 OF(traffic.bytes_received), 0},
	{"shunt_cluster_spliced_sent_bytes_total", "counter",
	 "by callers, from socket to socket past TCP", OF(traffic.spliced_sent), 0},
	{"shunt_cluster_spliced_received_bytes_total", "counter",
	 "the same, by callers received", OF(traffic.spliced_received), 0},
	{"shunt_cluster_sent_segments_total", "counter", "by callers, over connections that ended",
	 OF(traffic.segments_sent), 0},
	{"shunt_cluster_received_segments_total", "counter", "the same, by callers received",
	 OF(traffic.segments_received), 0},
	{"shunt_cluster_retransmitted_segments_total", "counter", "by callers",
	 OF(traffic.retransmitted), 0},
	{"shunt_cluster_rtt_min_seconds", "gauge", "the least round trip time of any",
	 OF(traffic.rtt_min), 1e6},
#undef OF
};

static void reading_keep(const struct cluster_reading *r, void *arg)
{
	struct readings *all = arg;

	vec_push(&all->list, *r);
}

static void labels_print(FILE *out, const char *name, const struct cluster_reading *r)
{
	fprintf(out, "%s{host=\"", name);
	prometheus_print_label(r->name.host, out);
	fprintf(out, "\",port=\"%u\",subset=\"", r->name.port);
	prometheus_print_label(r->name.subset, out);
	fputs(r->name.protocol == IPPROTO_UDP ? "\",protocol=\"udp\"" : "\"", out);
}

static void metric_print(const struct readings *all, const struct metric *m, FILE *out)
{
	const struct cluster_reading *r;

	prometheus_print_head(out, m->name, m->type, m->help);
	vec_each(&all->list, r) {
		int64_t n;

		memcpy(&n, (const char *)r + m->at, sizeof(n));
		labels_print(out, m->name, r);
		if (m->unit)
			fprintf(out, "} %.9f\n", (double)n / m->unit);
		else
			fprintf(out, "} %" PRId64 "\n", n);
	}
}

static void ejected_print(const struct readings *all, FILE *out)
{
	const char *const name = "shunt_cluster_ejected";
	const struct cluster_reading *r;

	prometheus_print_head(out, "shunt_cluster_ejected", "gauge", "endpoints that are left out now");
	vec_each(&all->list, r) {
		labels_print(out, name, r);
		fprintf(out, "} %u\n", r->ejected);
	}
}

#define LASTED "shunt_cluster_connection_duration_seconds"

static void lasted_print(const struct readings *all, FILE *out)
{
	static const char *const most[] = {"0.001", "0.01", "0.1",  "1",   "10",
					   "60",    "600",  "3600", "+Inf"};
	const struct cluster_reading *r;

	prometheus_print_head(out, LASTED, "histogram", "how long connections lasted that ended");
	vec_each(&all->list, r) {
		const __u64 *bucket = &r->traffic.lasted_1ms;
		uint64_t upto = 0;

		for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
			upto += bucket[i];
			labels_print(out, LASTED "_bucket", r);
			fprintf(out, ",le=\"%s\"} %" PRIu64 "\n", most[i], upto);
		}
		labels_print(out, LASTED "_sum", r);
		fprintf(out, "} %.9f\n", (double)r->traffic.duration / 1e9);
		labels_print(out, LASTED "_count", r);
		fprintf(out, "} %" PRIu64 "\n", (uint64_t)r->traffic.ended);
	}
}

#define RTT "shunt_cluster_rtt_seconds"

static void rtt_print(const struct readings *all, FILE *out)
{
	const struct cluster_reading *r;

	prometheus_print_head(out, RTT, "summary",
			      "smoothed round trip times of connections when they ended");
	vec_each(&all->list, r) {
		labels_print(out, RTT "_sum", r);
		fprintf(out, "} %.9f\n", (double)r->traffic.rtt / 1e6);
		labels_print(out, RTT "_count", r);
		fprintf(out, "} %" PRIu64 "\n", (uint64_t)r->traffic.rtts);
	}
}

/* ---- by Istio's names ---- */

/* "reviews" and "default" of "reviews.default.svc.cluster.local"; of other hosts all, and "unknown". */
static void service_print(FILE *out, const char *host)
{
	const char *namespace = strchr(host, '.');
	const char *svc = namespace ? strstr(namespace + 1, ".svc.") : NULL;
	bool of_kubernetes = svc && svc == namespace + 1 + strcspn(namespace + 1, ".");

	fputs(",destination_service=\"", out);
	prometheus_print_label(host, out);
	if (of_kubernetes)
		fprintf(out, "\",destination_service_name=\"%.*s\",destination_service_namespace=\"%.*s\"",
			(int)(namespace - host), host, (int)(svc - namespace - 1), namespace + 1);
	else {
		fputs("\",destination_service_name=\"", out);
		prometheus_print_label(host, out);
		fputs("\",destination_service_namespace=\"unknown\"", out);
	}
}

/* A response is what the caller receives. */
static void istio_print(const struct readings *all, FILE *out)
{
	static const struct metric of[] = {
#define OF(member_) offsetof(struct cluster_reading, member_)
		{"istio_tcp_connections_opened_total", "counter", "connections opened",
		 OF(connected), 0},
		{"istio_tcp_connections_closed_total", "counter", "connections closed",
		 OF(traffic.ended), 0},
		{"istio_tcp_sent_bytes_total", "counter", "bytes of responses",
		 OF(traffic.bytes_received), 0},
		{"istio_tcp_received_bytes_total", "counter", "bytes of requests",
		 OF(traffic.bytes_sent), 0},
#undef OF
	};
	const struct cluster_reading *r;

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		prometheus_print_head(out, of[i].name, of[i].type, of[i].help);
		vec_each(&all->list, r) {
			uint64_t n;

			memcpy(&n, (const char *)r + of[i].at, sizeof(n));
			if (of[i].at == offsetof(struct cluster_reading, traffic.bytes_received))
				n += r->traffic.spliced_received;
			if (of[i].at == offsetof(struct cluster_reading, traffic.bytes_sent))
				n += r->traffic.spliced_sent;
			labels_print(out, of[i].name, r);
			service_print(out, r->name.host);
			fprintf(out,
				",reporter=\"source\",request_protocol=\"tcp\",response_flags=\"-\"} "
				"%" PRIu64 "\n", n);
		}
	}
}

/* One metric's lines stand together, so the readings are taken once and walked for each. */
void clusters_print(struct datapath *dp, FILE *out)
{
	struct readings all = {0};

	datapath_cluster_each(dp, reading_keep, &all);
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		metric_print(&all, &metrics[i], out);
	ejected_print(&all, out);
	rtt_print(&all, out);
	lasted_print(&all, out);
	istio_print(&all, out);
	vec_free(&all.list);
}
