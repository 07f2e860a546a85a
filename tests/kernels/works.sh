# SPDX-License-Identifier: GPL-2.0
# For kernels that Shunt runs on: real connections between two namespaces, steered and counted.
# The servers are in namespace pod behind a veth pair; each test goes on where the last one ended.

status() { shunt status -o json | jq -r "$1"; } # JQ
cluster() { shunt clusters -o json | jq ".clusters[] | select(.host == \"$1.test\") | .$2"; }
opened() { cluster split opened | awk '{ n += $1 } END { print n }'; }
active() { cluster "$1" active; }

start_agent() {
	shunt agent >>/tmp/agent.log 2>&1 &
	echo $! >/tmp/agent.pid
	wait_for $! status .pid || { cat /tmp/agent.log; return 1; }
}

end_agent() { # SIGNAL
	pid=$(cat /tmp/agent.pid)
	kill "-$1" "$pid"
	wait_for "" readlink "/proc/$pid/exe"
}

# The tally of the client goes to /tmp/tally, "POD VERSION" of each connection to /tmp/sequence.
call() { # TARGET OPTION...
	target=$1
	shift
	client --print-sequence --check-peername --timeout 30000 "$@" "$target" >/tmp/called
	sed '$d' /tmp/called >>/tmp/sequence
	tail -n 1 /tmp/called >/tmp/tally
}

tally() { # JQ WANT
	got=$(jq -c "$1" /tmp/tally)
	[ "$got" = "$2" ] || { echo "$1: got $got, want $2"; cat /tmp/tally; return 1; }
}

# A client that keeps its connections; returns when all of them were tried.
hold() { # TARGET OPTION...
	target=$1
	shift
	[ -p /tmp/hold ] || mkfifo /tmp/hold
	client --hold --timeout 30000 "$@" "$target" <>/tmp/hold >/tmp/tally &
	echo $! >/tmp/hold.pid
	wait_for 1 grep -c elapsed_ms /tmp/tally
}

# Each four connections in a row have v1 three times.
in_order() {
	awk '{ v[NR] = $2 } END {
		for (i = 4; i <= NR; i++) {
			n = 0
			for (j = i - 3; j <= i; j++) n += v[j] == "v1"
			if (n != 3) { print "connections " i - 3 " to " i ": v1 " n " times"; exit 1 }
		}
		if (NR < 4) { print NR " connections"; exit 1 }
	}' /tmp/sequence
}

different_namespace() {
	[ "$(readlink "/proc/$1/ns/net")" = "$(readlink /proc/self/ns/net)" ] || echo 1
}

in_pod() { nsenter --net=/run/netns/pod "$@"; }

make_pod() {
	unshare -n sleep 100000 &
	pid=$!
	touch /run/netns/pod
	wait_for 1 different_namespace $pid
	mount --bind "/proc/$pid/ns/net" /run/netns/pod
	/bin/ip link add veth0 type veth peer name eth0 netns $pid
	/bin/ip address add 10.77.0.1/24 dev veth0
	/bin/ip address add fd00:77::1/64 dev veth0 nodad
	/bin/ip link set veth0 up
	in_pod /bin/ip link set lo up
	in_pod /bin/ip address add 10.77.0.2/24 dev eth0
	in_pod /bin/ip address add fd00:77::2/64 dev eth0 nodad
	in_pod /bin/ip link set eth0 up
	for version in 1 2; do
		in_pod server --name pod --version v$version --tcp 10.77.0.2:700$version \
			--tcp "[fd00:77::2]:700$version" --daemon
	done
	server --name host --version v0 --tcp 127.0.0.1:7003 --daemon
	wait_for up cat /sys/class/net/veth0/operstate
	# an address that takes packets and answers none
	/bin/ip neigh add 10.77.0.9 lladdr 02:00:00:00:00:09 dev veth0
}

the_programs_load_and_attach() {
	expect first "$(shunt load)" "8 programs loaded below /sys/fs/bpf/shunt"
	expect again "$(shunt load)" "all programs were loaded already below /sys/fs/bpf/shunt"
	expect links "$(pins | grep -c /link_)" 8
}

the_agent_puts_the_plan_in_force() {
	cp /etc/objects.yaml /etc/shunt/
	start_agent
	expect hosts "$(status .hosts)" 6
	expect programs "$(status .programs)" 8
	expect kernel "$(status .kernel)" "$(uname -r)"
	expect rejected "$(status '.rejected | length')" 0
}

# 6.12 is the first that can arm a socket in connect().
status_says_what_is_off() {
	case $(uname -r) in
	6.[0-9].* | 6.1[01].*) expect notes "$(status '.notes | length')" 1 ;;
	*) expect notes "$(status '.notes | length')" 0 ;;
	esac
}

the_split_is_exact_over_real_sockets() {
	call 10.96.0.1:80 --count 200
	tally .ok 200
	tally .by_version '{"v1":150,"v2":50}'
	tally .peername_mismatch 0
	in_order
}

ipv6_and_v4_mapped_take_turns_of_the_same_schedule() {
	for round in 1 2 3; do
		call "[fd00:96::1]:80" --count 7
		tally .ok 7
		tally .peername_mismatch 0
		call 10.96.0.1:80 --family mapped --count 6
		tally .ok 6
		tally .peername_mismatch 0
		call 10.96.0.1:80 --count 1
	done
	in_order
}

the_split_is_exact_over_all_processors() {
	before=$(opened)
	client --parallel 4 --procs 2 --count 400 10.96.0.1:80 >/tmp/tally
	tally .ok 400
	tally '.by_version | [.v1, .v2] | sort' '[100,300]'
	expect opened $(($(opened) - before)) 400
}

loopback_endpoints_are_for_the_host_alone() {
	call 10.96.0.2:80 --count 4
	tally .by_pod '{"host":4}'
	client --netns pod --count 2 10.96.0.2:80 >/tmp/tally
	tally .errors '{"ENETUNREACH":2}'
}

a_pod_is_steered_too() {
	client --netns pod --count 4 10.96.0.1:80 >/tmp/tally
	tally .by_version '{"v1":3,"v2":1}'
}

the_limit_holds_and_refuses_at_once() {
	hold 10.96.0.3:80 --parallel 4 --procs 4 --count 20
	tally .ok 5
	tally .errors '{"ECONNREFUSED":15}'
	expect active "$(active limit)" 5
	expect "refused here" "$(cluster limit refused_limit)" 15
	expect "refused there" "$(cluster limit connect_failed)" 0
	kill "$(cat /tmp/hold.pid)"
	wait_for 0 active limit
	hold 10.96.0.3:80 --count 6
	tally .ok 5
	tally .refused 1
}

the_reservations_of_a_killed_client_return() {
	hold 10.96.0.3:80 --count 5
	expect active "$(active limit)" 5
	kill -9 "$(cat /tmp/hold.pid)"
	wait_for 0 active limit
}

failed_connects_hold_nothing() {
	call 10.96.0.4:80 --count 3
	tally .errors '{"ECONNREFUSED":3}'
	wait_for 0 active closed
	expect failed "$(cluster closed connect_failed)" 3
	call 10.96.0.5:80 --count 3
	tally .errors '{"ENETUNREACH":3}'
	wait_for 0 active nowhere
	call 10.96.0.6:80 --count 3 --parallel 3 --timeout 200 --nonblocking
	tally .timeout 3
	wait_for 0 active silent
	client --count 3 --parallel 3 --timeout 60000 10.96.0.6:80 >/tmp/tally &
	wait_for 3 active silent
	kill -9 $!
	wait_for 0 active silent
}

open_connections_are_listed() {
	hold 10.96.0.1:80 --count 4
	expect listed "$(shunt conns -o json | jq -c '[.conns[].dialled]')" \
		'["10.96.0.1:80","10.96.0.1:80","10.96.0.1:80","10.96.0.1:80"]'
}

the_split_goes_on_where_it_was_while_the_agent_is_dead_and_after() {
	: >/tmp/sequence
	call 10.96.0.1:80 --count 21
	end_agent 9
	call 10.96.0.1:80 --count 22
	tally .ok 22
	start_agent
	call 10.96.0.1:80 --count 23
	in_order
}

an_agent_that_adopts_keeps_the_counts() {
	hold 10.96.0.3:80 --count 3
	audits=$(status .audits)
	end_agent 9
	client --count 1 10.96.0.3:80 >/tmp/tally
	tally .ok 1
	start_agent
	wait_for 3 active limit
	expect audits "$(status .audits)" $((audits + 1))
	expect leaked "$(status .leaked)" 0
	kill "$(cat /tmp/hold.pid)"
	wait_for 0 active limit
}

# Two audits: each looks at one of the two halves of a count.
the_audit_returns_what_no_socket_holds() {
	map=/sys/fs/bpf/shunt/cluster_state
	hold 10.96.0.3:80 --count 2
	expect active "$(active limit)" 2
	leak=$(bpftool -j map lookup pinned $map key 0 0 0 0 |
		jq -r '.value | ["0x" + (.[0][2:] | tonumber + 3 | tostring | "0" + .)] + .[1:] | join(" ")')
	end_agent 9
	bpftool map update pinned $map key 0 0 0 0 value $leak
	start_agent
	end_agent 9
	start_agent
	expect leaked "$(status .leaked)" 3
	expect active "$(active limit)" 2
}

unload_is_refused_while_the_agent_runs() {
	! shunt unload
	expect links "$(pins | grep -c /link_)" 8
}

unload_detaches_everything() {
	end_agent TERM
	hold 10.96.0.1:80 --count 2
	shunt unload
	tally .ok 2
	client --count 1 10.96.0.1:80 >/tmp/tally
	tally .errors '{"ENETUNREACH":1}'
}

make_pod >/tmp/out 2>&1 || sed 's/^/@@ # /' /tmp/out
: >/tmp/sequence
try the_programs_load_and_attach
try the_agent_puts_the_plan_in_force
try status_says_what_is_off
try the_split_is_exact_over_real_sockets
try ipv6_and_v4_mapped_take_turns_of_the_same_schedule
try the_split_is_exact_over_all_processors
try loopback_endpoints_are_for_the_host_alone
try a_pod_is_steered_too
try the_limit_holds_and_refuses_at_once
try the_reservations_of_a_killed_client_return
try failed_connects_hold_nothing
try open_connections_are_listed
try the_split_goes_on_where_it_was_while_the_agent_is_dead_and_after
try an_agent_that_adopts_keeps_the_counts
try the_audit_returns_what_no_socket_holds
try unload_is_refused_while_the_agent_runs
try unload_detaches_everything
