// SPDX-License-Identifier: GPL-2.0
/* `agent`: runs the node agent with what the options say. */
#include "agent/agent.h"
#include <stdio.h>
#include <unistd.h>
#include "cli/cli.h"

int cli_agent(const struct options *o)
{
	struct agent_options options = {
		.root = o->root,
		.cgroup = o->cgroup,
		.config = o->config,
		.state = o->state,
		.metrics = o->metrics,
		.node = o->node,
		.node_devices = o->node_devices,
		.node_addresses = o->node_addresses,
		.outside = OUTSIDE_AUTO,
		.capture = CAPTURE_AUTO,
		.lenient = o->lenient,
		.split_requests = o->split_requests,
		.no_proxy = o->no_proxy,
		.splice = o->splice,
		.access_log = o->access_log,
		.access_log_json = o->access_log_json,
		.l7_memory = o->l7_memory,
		.l7_workers = o->l7_workers,
	};

	if (!agent_metrics_valid(o->metrics))
		return wrong_use("agent", "bad metrics \"%s\", want [ADDRESS:]PORT or off",
				 o->metrics);
	if (o->outside)
		outside_hook_find(o->outside, &options.outside);
	if (o->capture)
		capture_how_find(o->capture, &options.capture);
	if (geteuid()) {
		fprintf(stderr, "shunt agent: root is needed to load BPF programs (try sudo)\n");
		return EXIT_REFUSED;
	}
	return agent_run(&options);
}
