#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""One connection from each of many addresses, for policy_test.py, in the namespace it was started in.

usage: source_worker.py CGROUP ADDRESS PORT FIRST N TIMES
N addresses from FIRST on, each so many times; FIRST "-": of a socket that is not bound.
Prints a line of JSON: which pod each of them reached, or the name of the error.
"""
import errno
import ipaddress
import json
import os
import socket
import sys

IP_FREEBIND, IP_BIND_ADDRESS_NO_PORT = 15, 24
cgroup, address, port, first, number, times = sys.argv[1:]
with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as f:
    f.write(str(os.getpid()))
family = socket.AF_INET6 if ":" in address else socket.AF_INET


def reached(source):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(20)
        s.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        s.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)  # of a network that is local as a whole
        try:
            if source:
                s.bind((source, 0))
            s.connect((address, int(port)))
            return s.makefile().readline().split()[0]
        except OSError as e:
            return errno.errorcode.get(e.errno, str(e))


if first == "-":
    sources = [None] * int(number)
else:
    sources = [str(ipaddress.ip_address(first) + i) for i in range(int(number))]
print(json.dumps([reached(source) for source in sources for _ in range(int(times))]))
