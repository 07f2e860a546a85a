# SPDX-License-Identifier: GPL-2.0
# Node 1 as the pod of node 2 sees it, which is outside of it.

a_port_of_the_other_node_leads_to_the_endpoints_of_both() {
	client --netns pod --count 10 --timeout 30000 10.88.0.1:30080 >/tmp/tally
	tally .by_version '{"v1":5,"v2":5}'
	client --netns pod --count 10 --timeout 30000 "[fd00:88::1]:30080" >/tmp/tally
	tally .by_version '{"v1":5,"v2":5}'
}

a_local_policy_stays_on_the_other_node() {
	client --netns pod --count 6 --timeout 30000 10.88.0.1:30081 >/tmp/tally
	tally .by_version '{"v1":6}'
}

an_external_address_is_served_by_the_node_it_comes_to() {
	/bin/ip route add 10.99.0.10/32 via 10.88.0.1
	client --netns pod --count 10 --timeout 30000 10.99.0.10:80 >/tmp/tally
	tally .by_version '{"v1":5,"v2":5}'
}

try a_port_of_the_other_node_leads_to_the_endpoints_of_both
try a_local_policy_stays_on_the_other_node
try an_external_address_is_served_by_the_node_it_comes_to
