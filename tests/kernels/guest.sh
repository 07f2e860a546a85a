#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The first process in a booted kernel: sets the machine up, runs the tests, turns the machine off.
# What the host shall read begins with "@@ ". $expect, and $node of two, come from the kernel's command line.
export PATH=/bin
results=0

say() { echo "@@ $*"; }

# Runs a function as a test, in a shell of its own that ends at the first command that fails.
# What it leaves running is a client, and is ended.
try() { # NAME
	(set -e; "$1") >/tmp/out 2>&1
	if [ $? = 0 ]; then
		say "ok $1"
	else
		sed 's/^/@@ # /' /tmp/out
		say "not ok $1"
	fi
	results=$((results + 1))
	killall -q -9 client
	true
}

expect() { # WHAT GOT WANT
	[ "$2" = "$3" ] || { echo "$1: got $2, want $3"; return 1; }
}

# Waits until a command prints what is wanted; the bound is generous, the machine is emulated.
wait_for() { # WANT COMMAND...
	wanted=$1
	shift
	tries=0
	while [ "$("$@" 2>/dev/null)" != "$wanted" ]; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || { echo "still not $wanted: $* ($("$@" 2>&1))"; return 1; }
		usleep 20000
	done
}

ids() { # prog|map|link: what is loaded, by id
	bpftool -j "$1" show | jq -c '[.[].id]'
}

pins() { find /sys/fs/bpf -mindepth 1; }
traces() { find /run -name 'shunt*'; }

mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t bpf none /sys/fs/bpf
mount -t cgroup2 none /sys/fs/cgroup
/bin/ip link set lo up
for module in /modules/*.ko; do
	insmod "$module"
done
for kind in prog map link; do
	ids $kind >/tmp/before.$kind
done

nothing_is_left_behind() {
	expect pins "$(pins)" ""
	for kind in prog map link; do
		wait_for "$(cat /tmp/before.$kind)" ids $kind
	done
	expect "files in /run" "$(traces)" ""
}

the_kernel_has_no_complaint() {
	! dmesg | grep -A20 -E 'BUG:|WARNING:|Oops|Call Trace|rcu.*stall'
}

. "/etc/$expect.sh"
try nothing_is_left_behind
try the_kernel_has_no_complaint
say "end $results"
# the console is slow: all of it is out before the machine goes
stty -F /dev/console sane
sync
reboot -f
