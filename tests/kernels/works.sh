# SPDX-License-Identifier: GPL-2.0
# For kernels that Shunt runs on: real connections between two namespaces, steered and counted.
# The servers are in namespace pod behind a veth pair; each test goes on where the last one ended.

status() { shunt status -o json | jq -r "$1"; } # JQ
cluster() { shunt clusters -o json | jq ".clusters[] | select(.host == \"$1.test\") | .$2"; }
opened() { cluster split opened | awk '{ n += $1 } END { print n }'; }
active() { cluster "$1" active; }
udp_active() { active datagrams | awk '{ n += $1 } END { print n }'; }

start_agent() { # OPTION...
	shunt agent "$@" >>/tmp/agent.log 2>&1 &
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
	: >/tmp/tally
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
			--tcp "[fd00:77::2]:700$version" --udp --daemon
	done
	server --name host --version v0 --tcp 127.0.0.1:7003 --daemon
	wait_for up cat /sys/class/net/veth0/operstate
	# an address that takes packets and answers none
	/bin/ip neigh add 10.77.0.9 lladdr 02:00:00:00:00:09 dev veth0
}

the_programs_load_and_attach() {
	expect first "$(shunt load)" "12 programs loaded below /sys/fs/bpf/shunt"
	expect again "$(shunt load)" "all programs were loaded already below /sys/fs/bpf/shunt"
	expect links "$(pins | grep -c /link_)" 12
}

the_agent_puts_the_plan_in_force() {
	cp /etc/objects.yaml /etc/shunt/
	start_agent
	expect hosts "$(status .hosts)" 8
	expect programs "$(status .programs)" 12
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

# A subnet is the service; sockets that are connected and others take turns.
datagrams_are_split_and_answered_as_dialled() {
	for target in 10.96.1.7:53 "[fd00:96::1:7]:53" 10.96.1.200:53; do
		for options in "--connected --count 4" "--count 4" "--count 4 --each 5"; do
			# shellcheck disable=SC2086
			datagrams $options "$target" >/tmp/tally
			tally .by_version '{"v1":3,"v2":1}'
			tally .source_mismatch 0
			tally .peername_mismatch 0
			tally .moved 0
		done
	done
	datagrams --family mapped --count 4 10.96.1.7:53 >/tmp/tally
	tally .by_version '{"v1":3,"v2":1}'
	tally .source_mismatch 0
	wait_for 0 udp_active
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

endpoints_that_fail_are_left_out() {
	call 10.96.0.8:80 --count 40
	tally '[.ok, .refused, .timeout]' '[36,2,2]'
	expect ejected "$(cluster sick ejected)" 2
	expect "timed out" "$(cluster sick traffic.connect_timed_out)" 2
	wait_for 36 cluster sick traffic.ended
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

weights_of() { shunt get vs split | grep -c "weight: $1"; } # WEIGHT
drained() { status .counters.drained; }

# Before 6.5 the agent asks for it by netlink, later it runs a program over the sockets.
live_connections_move_when_asked() {
	before=$(drained)
	hold 10.96.0.1:80 --netns pod --count 10
	sed -i 's/weight: 75/weight: 0/; s/weight: 25/weight: 100/' /etc/shunt/objects.yaml
	wait_for 1 weights_of 100
	there=$(jq .by_version.v1 /tmp/tally)
	shunt drain split.test --now -o json >/tmp/drained
	expect moved "$(jq .moved /tmp/drained)" "$there"
	expect left "$(jq .left /tmp/drained)" 0
	expect counted $(($(drained) - before)) "$there"
	wait_for $((10 - there)) held_by_split
}

held_by_split() { active split | awk '{ n += $1 } END { print n }'; }

# A service at 10.96.0.LAST and fd00:96::LAST over an endpoint of each family.
entry() { # NAME LAST PROTOCOL ENDPOINT_LAST PORT
	shunt apply -f - <<-END
		apiVersion: networking.istio.io/v1
		kind: ServiceEntry
		metadata: {name: $1}
		spec:
		  hosts: [$1.test]
		  addresses: [10.96.0.$2, "fd00:96::$2"]
		  ports: [{number: 80, name: $3, protocol: $(echo "$3" | tr a-z A-Z)}]
		  location: MESH_INTERNAL
		  resolution: STATIC
		  endpoints:
		  - {address: 10.77.0.$4, ports: {$3: $5}}
		  - {address: "fd00:77::$4", ports: {$3: $5}}
	END
}

captured() { status '[.captured[] | select(.device == "veth0")] | length'; }
steered() { status .counters.steered; }

first_weight() { shunt get vs split | grep -m 1 -o 'weight: .*'; }

their_connections_move_when_asked() {
	hold 10.96.0.1:80 --netns pod --count 4
	there=$(held_by_split)
	sed -i 's/weight: 100/weight: 50/; s/weight: 0/weight: 100/; s/weight: 50/weight: 0/' \
		/etc/shunt/objects.yaml
	wait_for "weight: 100" first_weight
	shunt drain split.test --now -o json >/tmp/drained
	expect moved "$(jq .moved /tmp/drained)" 4
	wait_for $((there - 4)) held_by_split
}

# To the proxy, which answers at an address of the host.
their_requests_are_routed() {
	server --name page --version v5 --listen 10.77.0.1:7006 --listen "[fd00:77::1]:7006" --daemon
	entry page 78 http 1 7006
	shunt apply -f - <<-END
		apiVersion: networking.istio.io/v1
		kind: VirtualService
		metadata: {name: page}
		spec:
		  hosts: [page.test]
		  http:
		  - match: [{uri: {exact: /status}}]
		    directResponse: {status: 418}
		  - route: [{destination: {host: page.test}}]
	END
	before=$(status .counters.proxied)
	for target in 10.96.0.78:80 "[fd00:96::78]:80"; do
		client --netns pod --timeout 30000 --http / --count 3 "$target" >/tmp/tally
		tally .by_version '{"v5":3}'
		client --netns pod --timeout 30000 --http /status --count 3 "$target" >/tmp/tally
		tally .by_status '{"418":3}'
	done
	expect proxied $(($(status .counters.proxied) - before)) 12
	shunt delete vs page
	shunt delete se page
}

# The pod's own packets, at the host's side of its device.
packets_of_a_captured_pod_are_steered() {
	in_pod /bin/ip route add default via 10.77.0.1
	in_pod /bin/ip route add default via fd00:77::1
	server --name host --version v4 --tcp 10.77.0.1:7004 --tcp "[fd00:77::1]:7004" --daemon
	shunt apply -f - <<-END
		{apiVersion: v1, kind: Pod, metadata: {name: pod, annotations: {shunt.io/capture: tc}},
		 status: {podIP: 10.77.0.2, podIPs: [{ip: 10.77.0.2}, {ip: "fd00:77::2"}]}}
	END
	entry captured 77 tcp 1 7004
	wait_for 1 captured
	before=$(steered)
	for target in 10.96.0.77:80 "[fd00:96::77]:80"; do
		call "$target" --netns pod --count 20
		tally .ok 20
		tally .peername_mismatch 0
	done
	expect steered $(($(steered) - before)) 40
	wait_for 0 active captured
	expect tracked "$(shunt maps -o json | jq '.maps[] | select(.name == "conns") | .used')" 40
	their_requests_are_routed
	their_connections_move_when_asked
	shunt delete pod pod
	shunt delete se captured
	: >/tmp/sequence
}

# Which programs a device takes differs by kernel; what they do with packets does not.
callers_from_outside_meet_programs_at_a_device() {
	end_agent TERM
	cat >/etc/shunt/outside.yaml <<-END
		apiVersion: v1
		kind: Service
		metadata: {name: outside}
		spec:
		  externalIPs: [10.77.0.5, "fd00:77::5"]
		  ports: [{name: tcp, port: 80}]
	END
	for hook in native generic tc; do
		start_agent --node-device veth0 --outside $hook
		expect hook "$(status '.outside.devices[0].hook')" $hook
		end_agent TERM
	done
	rm /etc/shunt/outside.yaml
	start_agent
	expect devices "$(status '.outside.devices | length')" 0
}

spliced() { status ".counters.$1"; } # COUNTER
tcp_pages() { awk '/^TCP:/ { print $NF }' /proc/net/sockstat; }

passes_by() { [ "$(spliced splice_passed_bytes)" -gt "$before" ] && echo 1; }

# What is sent to a server that has stopped; the machine's sockets hold no more than 8 MB then.
stopped_reader_holds_little() {
	kill -STOP "$server"
	before=$(spliced splice_passed_bytes)
	stream --up 30000000 --down 1 10.96.0.88:80 &
	client=$!
	wait_for 1 passes_by
	most=0
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		usleep 100000
		now=$(tcp_pages)
		[ "$now" -le $most ] || most=$now
	done
	kill -CONT "$server"
	wait $client
	[ "$most" -le 2048 ] || { echo "$most pages"; return 1; }
}

# Each byte is checked by who gets it; the counters tell that they did not go by TCP.
both_ends_of_connections_are_joined() {
	end_agent TERM
	start_agent --splice on
	expect notes "$(status .notes | grep -c splice)" 0
	in_pod stream --serve "[::]:7005" >/tmp/stream &
	server=$!
	trap 'kill -9 $server' EXIT
	wait_for ready cat /tmp/stream
	entry streams 88 tcp 2 7005
	wait_for 0 active streams
	for sender in send writev sendfile splice more; do
		for target in 10.96.0.88:80 "[fd00:96::88]:80" "--mapped 10.96.0.88:80"; do
			was=$(spliced spliced_bytes)
			# shellcheck disable=SC2086
			stream --sender $sender --waits edge --up 3000000 --down 3000000 $target
			[ "$(spliced spliced_bytes)" -gt "$was" ]
		done
	done
	expect joined "$(spliced spliced)" 15
	stopped_reader_holds_little
	shunt delete se streams
}

unload_is_refused_while_the_agent_runs() {
	! shunt unload
	expect links "$(pins | grep -c /link_)" 12
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
try datagrams_are_split_and_answered_as_dialled
try the_limit_holds_and_refuses_at_once
try the_reservations_of_a_killed_client_return
try failed_connects_hold_nothing
try endpoints_that_fail_are_left_out
try open_connections_are_listed
try the_split_goes_on_where_it_was_while_the_agent_is_dead_and_after
try an_agent_that_adopts_keeps_the_counts
try the_audit_returns_what_no_socket_holds
try live_connections_move_when_asked
try packets_of_a_captured_pod_are_steered
try callers_from_outside_meet_programs_at_a_device
try both_ends_of_connections_are_joined
try unload_is_refused_while_the_agent_runs
try unload_detaches_everything
