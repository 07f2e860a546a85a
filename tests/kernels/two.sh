# SPDX-License-Identifier: GPL-2.0
# Two nodes on one wire, $node is 1 or 2: each has a pod behind a veth pair, an agent, and routes to
# the other's pods. Node 1 serves; what it does for callers of the other machine is seen from there.

other=$((3 - node))

status() { shunt status -o json | jq -r "$1"; } # JQ

different_namespace() {
	[ "$(readlink "/proc/$1/ns/net")" = "$(readlink /proc/self/ns/net)" ] || echo 1
}

in_pod() { nsenter --net=/run/netns/pod "$@"; }

tally() { # JQ WANT
	got=$(jq -c "$1" /tmp/tally)
	[ "$got" = "$2" ] || { echo "$1: got $got, want $2"; cat /tmp/tally; return 1; }
}

make_node() {
	echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
	/bin/ip address add "10.88.0.$node/24" dev eth0
	/bin/ip address add "fd00:88::$node/64" dev eth0 nodad
	/bin/ip link set eth0 up
	unshare -n sleep 100000 &
	pid=$!
	touch /run/netns/pod
	wait_for 1 different_namespace $pid
	mount --bind "/proc/$pid/ns/net" /run/netns/pod
	/bin/ip link add veth0 type veth peer name eth0 netns $pid
	/bin/ip address add "10.77.$node.1/24" dev veth0
	/bin/ip address add "fd00:77:$node::1/64" dev veth0 nodad
	/bin/ip link set veth0 up
	in_pod /bin/ip link set lo up
	in_pod /bin/ip address add "10.77.$node.2/24" dev eth0
	in_pod /bin/ip address add "fd00:77:$node::2/64" dev eth0 nodad
	in_pod /bin/ip link set eth0 up
	in_pod /bin/ip route add default via "10.77.$node.1"
	in_pod /bin/ip -6 route add default via "fd00:77:$node::1"
	/bin/ip route add "10.77.$other.0/24" via "10.88.0.$other"
	/bin/ip -6 route add "fd00:77:$other::/64" via "fd00:88::$other"
	in_pod server --name "pod$node" --version "v$node" --tcp "10.77.$node.2:7001" \
		--tcp "[fd00:77:$node::2]:7001" --daemon
	wait_for up cat /sys/class/net/veth0/operstate
}

# Each tells the other over the wire what it has come to.
mkdir -p /tmp/said
httpd -p 9000 -h /tmp/said
tell() { echo "$1" >/tmp/said/come_to; } # TEXT
other_says() { wget -q -T 2 -O - "http://10.88.0.$other:9000/come_to"; }

the_agent_puts_the_plan_in_force() {
	cp /etc/two.yaml /etc/shunt/
	shunt agent --node "node$node" --node-device eth0 >/tmp/agent.log 2>&1 &
	echo $! >/tmp/agent.pid
	wait_for $! status .pid || { cat /tmp/agent.log; return 1; }
	expect rejected "$(status '.rejected | length')" 0
}

the_other_node_is_there() {
	wait_for "pong" ping_other
}
ping_other() { ping -c 1 -W 1 "10.88.0.$other" >/dev/null && echo pong; }

a_pod_reaches_endpoints_of_both_nodes() {
	client --netns pod --count 10 --timeout 30000 10.96.0.10:80 >/tmp/tally
	tally .by_version '{"v1":5,"v2":5}'
	client --netns pod --count 10 --timeout 30000 "[fd00:96::10]:80" >/tmp/tally
	tally .by_version '{"v1":5,"v2":5}'
}

make_node >/tmp/out 2>&1 || sed 's/^/@@ # /' /tmp/out
try the_other_node_is_there
try the_agent_puts_the_plan_in_force
tell "node$node serves"
wait_for "node$other serves" other_says
try a_pod_reaches_endpoints_of_both_nodes
if [ "$node" = 2 ]; then
	. /etc/two_outside.sh
fi
tell "node$node is done"
wait_for "node$other is done" other_says
usleep 1000000 # the other one has still to hear it
kill -TERM "$(cat /tmp/agent.pid)"
wait_for "" readlink "/proc/$(cat /tmp/agent.pid)/exe"
shunt unload
