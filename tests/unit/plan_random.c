// SPDX-License-Identifier: GPL-2.0
/* After any change a plan that shares parts of the old one says what a new one says. */
#include "plan_mesh.h"

/* "<x|y>" stands for one of x and y. */
static const char *const templates[] = {
	"apiVersion: v1\nkind: Service\nmetadata: {name: s<0|1|2|3>}\n"
	"spec: {clusterIP: 10.96.0.<1|2|3>, selector: {app: a<0|1|2>},"
	" ports: [{name: <http|tcp>, port: <80|81>, targetPort: 8080}]}\n",

	"apiVersion: v1\nkind: Service\nmetadata: {name: s<0|1|2|3>}\n"
	"spec: {clusterIP: <10.96.0.7|None|\"\">, ports: [{name: http, port: 80}]}\n",

	"apiVersion: v1\nkind: Pod\n"
	"metadata: {name: p<0|1|2|3|4>, labels: {app: a<0|1|2>, version: v<1|2>}}\n"
	"status: {podIP: 10.0.0.<1|2|3|4|5>,"
	" conditions: [{type: Ready, status: \"<True|False>\"}]}\n",

	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
	"metadata: {name: e<0|1|2>, labels: {kubernetes.io/service-name: s<0|1|2|3>}}\n"
	"addressType: IPv4\nports: [{name: http, port: 8080, protocol: TCP}]\n"
	"endpoints: [{addresses: [10.0.0.<1|2|3|4>]}]\n",

	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
	"metadata: {name: e<0|1|2>, labels: {kubernetes.io/service-name: s<0|1|2|3>}}\n"
	"addressType: IPv4\nports: [{name: http, port: 8080, protocol: TCP}]\n"
	"endpoints: [{addresses: [10.0.0.<1|2>], targetRef: {kind: Pod, name: p<0|1|2|3>}}]\n",

	"apiVersion: v1\nkind: Endpoints\nmetadata: {name: s<0|1|2|3>}\n"
	"subsets: [{addresses: [{ip: 10.0.0.<1|2|3>}], ports: [{name: http, port: 8080}]}]\n",

	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
	"metadata: {name: d<0|1|2>, namespace: <default|istio-system>}\n"
	"spec: {host: <s0.default.svc.cluster.local|s1.default.svc.cluster.local"
	"|\"*.default.svc.cluster.local\"|\"*.x\">,"
	" trafficPolicy: {loadBalancer: {simple: <RANDOM|ROUND_ROBIN|PASSTHROUGH>}},"
	" subsets: [{name: v<1|2>, labels: {version: v<1|2>}}]}\n",

	"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: r<0|1|2|3>}\n"
	"spec: {hosts: [<s0|s1|s2|b.x|\"*.default.svc.cluster.local\"|\"*.x\">],"
	" <http|tcp>: [{route: [{destination: {host: s<0|1|2|3>, subset: v<1|2>},"
	" weight: <1|2|3>}, {destination: {host: <s1|s2|a.x|b.x>}, weight: <1|2>}]}]}\n",

	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: x<0|1|2>}\n"
	"spec: {hosts: [<a|b>.x, s<0|1|2>.default.svc.cluster.local],"
	" addresses: [10.96.0.<1|2|3>], resolution: STATIC,"
	" ports: [{number: <80|81>, name: http, protocol: HTTP}],"
	" workloadSelector: {labels: {app: a<0|1|2>}}}\n",

	"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: w<0|1|2>}\n"
	"spec: {address: 10.0.1.<1|2>, labels: {app: a<0|1|2>, version: v<1|2>}}\n",

	"apiVersion: networking.istio.io/v1\nkind: Gateway\n"
	"metadata: {name: g<0|1>, namespace: <default|istio-system>}\n"
	"spec: {selector: {app: a<0|1|2>}, servers: [{port: {number: <80|443>, name: https,"
	" protocol: HTTPS}, hosts: [\"<*|*.x|a.x>\"],"
	" tls: {mode: <SIMPLE|MUTUAL>, credentialName: k<0|1>}},"
	" {port: {number: <81|82>, name: http, protocol: <HTTP|TCP>}, hosts: [\"<*|a.x>\"]}]}\n",

	"apiVersion: v1\nkind: Secret\nmetadata: {name: k<0|1><|-cacert>}\n"
	"stringData: {tls.crt: a, <tls.key|ca.crt>: b}\n",

	"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: r<0|1|2|3>}\n"
	"spec: {hosts: [<a|b>.x, \"*.y\"], gateways: [<g0|istio-system/g0>, <mesh|g1>],"
	" exportTo: [<\"*\"|.|istio-system>], <http|tcp>: [{match: [{port: <80|81|443>}],"
	" route: [{destination: {host: s<0|1|2|3>}}]}]}\n",

	"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i<0|1>}\n"
	"spec: {ingressClassName: c<0|1>, tls: [{secretName: k<0|1>}], rules: [{host: <a|b>.x,"
	" http: {paths: [{path: /<a|b>, pathType: Prefix,"
	" backend: {service: {name: s<0|1|2|3>, port: {<number: 80|name: http>}}}}]}}]}\n",

	"apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: c<0|1>}\n"
	"spec: {controller: <shunt.io/ingress-controller|other.io/controller>}\n",

	"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g<0|1>}\n"
	"spec: {selector: {app: a<0|1>},"
	" servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [\"*\"]}]}\n",

	"apiVersion: v1\nkind: Service\nmetadata: {name: s<0|1>, namespace: <b|istio-system>,"
	" annotations: {networking.istio.io/exportTo: <.|\"*\"|\"default,b\"|\"c\">}}\n"
	"spec: {clusterIP: 10.96.1.<1|2>, ports: [{name: <http|tcp>, port: <80|81>}]}\n",

	"apiVersion: v1\nkind: Service\nmetadata: {name: <s2|n0|n1>, namespace: <default|b>}\n"
	"spec: {type: ExternalName, ports: [{name: http, port: 80}], externalName:"
	" <s0.default.svc.cluster.local|s0.b.svc.cluster.local|n0.default.svc.cluster.local"
	"|n1.default.svc.cluster.local|a.x>}\n",

	"apiVersion: v1\nkind: Pod\n"
	"metadata: {name: q<0|1|2|3>, namespace: <default|b|c|istio-system>,"
	" labels: {app: a<0|1|2>, team: t<0|1>}}\n"
	"spec: {nodeName: k<0|1>}\nstatus: {podIP: 10.0.2.<1|2|3>}\n",

	"apiVersion: v1\nkind: Node\n"
	"metadata: {name: k<0|1>, labels: {topology.kubernetes.io/region: r<0|1>}}\n",

	"apiVersion: v1\nkind: Namespace\n"
	"metadata: {name: <default|b>, annotations: {shunt.io/split: <connection|request>}}\n",

	"apiVersion: networking.istio.io/v1\nkind: Sidecar\n"
	"metadata: {name: c<0|1>, namespace: <default|b|c|istio-system>}\n"
	"spec: {<outboundTrafficPolicy: {mode: REGISTRY_ONLY},|>"
	" <workloadSelector: {labels: {app: a1}},|workloadSelector: {labels: {team: t1}},|>"
	" egress: [{<port: {number: 80, name: http, protocol: HTTP},|>"
	" hosts: [<\"./*\"|\"*/*\"|b/s0.b.svc.cluster.local|\"default/*.x\">,"
	" <~*/s1.default.svc.cluster.local|istio-system/*|c/*>]}]}\n",

	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
	"metadata: {name: d<3|4>, namespace: <default|b|c>}\n"
	"spec: {host: <s0.default.svc.cluster.local|s0.b.svc.cluster.local|\"*.x\">,"
	" <workloadSelector: {matchLabels: {app: a2}},|workloadSelector: {matchLabels: {team: t0}},"
	"|exportTo: [.],|exportTo: [b],|exportTo: [default, c],|>"
	" trafficPolicy: {loadBalancer: {simple: <RANDOM|ROUND_ROBIN>}}}\n",

	"apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
	"metadata: {name: r<0|4|5>, namespace: <default|b|c>}\n"
	"spec: {hosts: [<s0.default.svc.cluster.local|s0.b.svc.cluster.local|\"*.x\">],"
	" exportTo: [<.|\"*\"|b|c>], http: ["
	"{match: [{sourceLabels: {<app: a1|team: t1>}}, {sourceNamespace: <b|c>}],"
	" route: [{destination: {host: s<1|2>.default.svc.cluster.local}}]},"
	" {<match: [{port: 81}],|> route: [{destination: {host: s0.b.svc.cluster.local}}]}]}\n",

	"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: r<0|6>}\n"
	"spec: {hosts: [<s0|s1|b.x>], http: [{match: [{uri: {prefix: /a}}],"
	" delegate: {name: <g0|g1>, namespace: <default|b>}},"
	" {route: [{destination: {host: s3}}],"
	" mirrors: [{destination: {host: s1.b.svc.cluster.local}}]}]}\n",

	"apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
	"metadata: {name: g<0|1>, namespace: <default|b>}\n"
	"spec: {exportTo: [<.|\"*\"|default>], http: [{match: [{sourceLabels: {team: t<0|1>}}],"
	" route: [{destination: {host: s<0|1|2>}}]}]}\n",

	"apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
	"metadata: {name: r<0|7>, namespace: <default|b>,"
	" annotations: {shunt.io/on-proxy-failure: <bypass|refuse>}}\n"
	"spec: {hosts: [s0.default.svc.cluster.local, s1.default.svc.cluster.local], http: ["
	"{match: [{uri: {prefix: /<a|b>}}, {gateways: [<mesh|g0>]}],"
	" route: [{destination: {host: s0.default.svc.cluster.local, subset: v<1|2>}}]},"
	" {<redirect: {uri: /c}|route: [{destination: {host: s3.default.svc.cluster.local}}]>}],"
	" tcp: [{match: [{port: 81}],"
	" route: [{destination: {host: s2.default.svc.cluster.local}}]}],"
	" tls: [{match: [{sniHosts: [s0.default.svc.cluster.local, s1.default.svc.cluster.local],"
	" port: 81}], route: [{destination: {host: s3.default.svc.cluster.local}}]}]}\n",

	"apiVersion: v1\nkind: Service\nmetadata: {name: s<0|1|2|3>,"
	" annotations: {shunt.io/split: <connection|request>}}\n"
	"spec: {clusterIP: 10.96.0.<1|2|3>, selector: {app: a<0|1|2>},"
	" ports: [{name: <http|web|tls|udp>, port: 80, protocol: <TCP|UDP>},"
	" {name: <raw|https>, port: 81}]}\n",

	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
	"metadata: {name: d<0|5>, namespace: <default|b|istio-system>}\n"
	"spec: {host: <s0.default.svc.cluster.local|\"*.local\">, trafficPolicy: {"
	"<tls: {mode: SIMPLE},|outlierDetection: {consecutive5xxErrors: 3},|>"
	" portLevelSettings: [{port: {number: <80|81>}, loadBalancer: {simple: RANDOM}}]},"
	" subsets: [{name: v<1|2>, labels: {version: v<1|2>},"
	" trafficPolicy: {connectionPool: {<tcp: {maxConnections: 2}|http: {maxRetries: 1}>}}}]}\n",

	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
	"metadata: {name: y<0|1>, namespace: <default|b|c>}\n"
	"spec: {hosts: [<a|b>.x<|, s0.default>], addresses: [10.96.0.<1|2|8>],"
	" resolution: <STATIC|DNS>, exportTo: [<.|\"*\"|\"~\"|b>],"
	" ports: [{number: 80, name: http, protocol: HTTP}],"
	" endpoints: [{address: 10.9.0.<1|2>}]}\n",

	/* what is for some addresses, for UDP, for outside, for callers of one node */
	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
	"metadata: {name: z<0|1|2>, namespace: <default|b>}\n"
	"spec: {hosts: [<a|b|c>.x], addresses: [10.97.0.0/<24|16><, 10.96.0.1||>],"
	" resolution: STATIC, ports: [{number: 80, name: tcp, protocol: <TCP|UDP>}],"
	" workloadSelector: {labels: {app: a<1|2>}}}\n",

	"apiVersion: v1\nkind: Service\n"
	"metadata: {name: s<0|1|2|3>, annotations: {shunt.io/drain: <keep|now|5s>,"
	" shunt.io/splice: \"<on|off>\"}}\n"
	"spec: {type: <NodePort|LoadBalancer>, clusterIP: 10.96.0.<1|2|3>,"
	" selector: {app: a<0|1|2>}, externalIPs: [10.98.0.<1|2>, 10.96.0.<4|1>],"
	" sessionAffinity: <None|ClientIP>, internalTrafficPolicy: <Local|Cluster>,"
	" externalTrafficPolicy: <Local|Cluster>, ports: ["
	"{name: dns, port: <80|81>, protocol: UDP, nodePort: <30001|30002>},"
	" {name: tcp, port: <80|81>, nodePort: <30001|30002|30003>}]}\n",

	"apiVersion: v1\nkind: Pod\n"
	"metadata: {name: p<0|1|2|3|4>, labels: {app: a<0|1|2>, version: v<1|2>}}\n"
	"spec: {nodeName: k<0|1>}\nstatus: {podIP: 10.0.0.<1|2|3|4|5>}\n",

	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
	"metadata: {name: e<0|1|2>, labels: {kubernetes.io/service-name: s<0|1|2|3>}}\n"
	"addressType: IPv4\nports: [{name: dns, port: 53, protocol: UDP}, {name: tcp, port: 8}]\n"
	"endpoints: [{addresses: [10.0.0.1], nodeName: k<0|1>,"
	" hints: {forZones: [{name: z<0|1>}], <forNodes: [{name: k0}]|>}},"
	" {addresses: [10.0.0.2], nodeName: k<0|1>, hints: {forZones: [{name: z<0|1>}]}}]\n",

	"apiVersion: v1\nkind: Node\n"
	"metadata: {name: k<0|1>, labels: {topology.kubernetes.io/region: r,"
	" topology.kubernetes.io/zone: z<0|1>}}\n",

	"apiVersion: v1\nkind: Namespace\n"
	"metadata: {name: <default|b>, annotations: {shunt.io/splice: \"<on|off>\"}}\n",

	"apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
	"metadata: {name: r<0|1|2|8>, annotations: {shunt.io/drain: <now|5s>,"
	" shunt.io/guard: connect-failure>5%/10}}\n"
	"spec: {hosts: [<s0|s1|s2|a.x|b.x>], tcp: ["
	"{match: [{destinationSubnets: [10.97.0.0/<24|25>, 10.96.0.1], <port: 80|"
	"sourceLabels: {app: a1}>}], route: [{destination: {host: s<1|2>}}]},"
	" {match: [{port: <80|81>}], route: [{destination: {host: s<0|1|2>, subset: v<1|2>},"
	" weight: 1}, {destination: {host: s3}, weight: 2}]}]}\n",
};

static void choice_put(const char *from, const char *end, FILE *out)
{
	int nr = 1;

	for (const char *at = from; at < end; at++)
		nr += *at == '|';
	for (nr = rand() % nr; nr; nr--)
		from = strchr(from, '|') + 1;
	fwrite(from, 1, strcspn(from, "|>"), out);
}

static char *random_object(void)
{
	const char *at = templates[rand() % (sizeof(templates) / sizeof(templates[0]))];
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (; *at; at++) {
		const char *end = *at == '<' ? strchr(at, '>') : NULL;

		if (end)
			choice_put(at + 1, end, out);
		else
			fputc(*at, out);
		at = end ? end : at;
	}
	fclose(out);
	return text;
}

static void random_removal(struct config_set *set)
{
	enum kind kind = rand() % NR_KINDS;
	size_t skip = set->kinds[kind].nr ? rand() % set->kinds[kind].nr : 0;
	const struct object *o = NULL;
	struct strmap_entry *e;

	strmap_each(&set->kinds[kind], e)
		if (!o && !skip--)
			o = e->value;
	if (o)
		config_set_remove(set, kind, o->namespace, o->name);
}

static bool walk_holds(unsigned seed)
{
	struct mesh m = mesh_new("");
	bool same = true;

	m.set.node = seed % 2 ? "k0" : "";
	srand(seed);
	for (int round = 0; round < 150 && same; round++) {
		struct config_set set = {0};

		config_set_copy(&set, &m.set);
		for (int edits = 1 + rand() % 3; edits; edits--) {
			char *text = random_object();

			set_read(&set, text);
			free(text);
			if (rand() % 2)
				random_removal(&set);
		}
		plan_free(mesh_set(&m, &set));
		same = equals_new(&m);
	}
	mesh_free(&m);
	return same;
}

TEST(random_changes_give_what_a_new_plan_gives)
{
	for (unsigned seed = 1; seed <= 12; seed++)
		CU_ASSERT(walk_holds(seed));
}
