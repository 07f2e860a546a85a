# SPDX-License-Identifier: GPL-2.0
# For kernels that are too old: everything that would load says why it cannot, and changes nothing.

load_refuses_in_one_sentence_and_names_what_is_missing() {
	code=0
	shunt load >/tmp/said 2>&1 || code=$?
	expect exit $code 1
	cat /tmp/said
	expect lines "$(wc -l </tmp/said)" 1
	grep -q '^shunt load: kernel .* is too old: .*bpf_set_retval.* 6\.1 or later' /tmp/said
	expect pins "$(pins)" ""
	expect "files in /run" "$(traces)" ""
}

the_agent_refuses_likewise() {
	code=0
	shunt agent >/tmp/said 2>&1 || code=$?
	expect exit $code 1
	cat /tmp/said
	grep -q 'bpf_set_retval' /tmp/said
	expect pins "$(pins)" ""
}

# The agent's lock is a file that unload removes.
unload_has_nothing_to_do() {
	expect said "$(shunt unload)" "nothing was loaded below /sys/fs/bpf/shunt"
}

what_needs_no_kernel_works() {
	shunt validate -f /etc/objects.yaml
	shunt plan -f /etc/objects.yaml >/tmp/plan
	grep -q '75%' /tmp/plan || { cat /tmp/plan; false; }
}

try load_refuses_in_one_sentence_and_names_what_is_missing
try the_agent_refuses_likewise
try unload_has_nothing_to_do
try what_needs_no_kernel_works
