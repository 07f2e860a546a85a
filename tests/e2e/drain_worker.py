# SPDX-License-Identifier: GPL-2.0
"""usage: drain_worker.py ADDRESS PORT COUNT [udp] [talk=N] [again]

A caller with COUNT connections, of which the first N send a byte now and then. Prints a JSON object
a line: {"to": [pod, …]} when all are there, then {"number", "to", "error", "at"} (CLOCK_MONOTONIC
ns) whenever one ends; one whose end is told only to who sends ends when it does. With `again` it connects anew then, and says where to: {"number", "again"}.
Ends at the end of its standard input.
"""
import errno
import json
import select
import socket
import sys
import time

TALK_S = 0.1


def tell(**what):
    print(json.dumps(what), flush=True)


class Caller:
    """All the connections of the process."""

    def __init__(self, address, port, count, words):
        self.target = (address, int(port))
        self.kind = socket.SOCK_DGRAM if "udp" in words else socket.SOCK_STREAM
        self.talks = max([int(w[5:]) for w in words if w.startswith("talk=")], default=0)
        self.again = "again" in words
        self.poll = select.poll()
        self.poll.register(sys.stdin, select.POLLIN | select.POLLHUP)
        self.numbers = {}
        self.all = [self.open(number) for number in range(int(count))]

    def open(self, number):
        """A connection and the pod that it goes to, which names itself first."""
        family = socket.AF_INET6 if ":" in self.target[0] else socket.AF_INET
        s = socket.socket(family, self.kind)
        s.connect(self.target)
        if self.kind == socket.SOCK_DGRAM:
            s.send(b"hello")
        pod = s.recv(4096).split()[0].decode()
        self.poll.register(s, select.POLLIN)
        self.numbers[s.fileno()] = number
        return s, pod

    def hear(self, fd):
        number = self.numbers[fd]
        s, _ = self.all[number]
        try:
            error = "" if s.recv(4096) else "EOF"
        except OSError as e:
            error = errno.errorcode[e.errno]
        if error:
            self.end(number, error)

    def end(self, number, error):
        s, pod = self.all[number]
        self.poll.unregister(s)
        s.close()
        self.all[number] = None, pod
        tell(number=number, to=pod, error=error, at=time.monotonic_ns())
        if self.again:
            self.all[number] = self.open(number)
            tell(number=number, again=self.all[number][1])

    def talk(self):
        for number, (s, _) in enumerate(self.all[:self.talks]):
            try:
                if s:
                    s.send(b"x")
            except OSError as e:
                self.end(number, errno.errorcode[e.errno])

    def run(self):
        tell(to=[pod for _, pod in self.all])
        due = time.monotonic()
        while True:
            ready = self.poll.poll(max(0, due - time.monotonic()) * 1000 if self.talks else None)
            if any(fd == sys.stdin.fileno() for fd, _ in ready):
                return
            for fd, _ in ready:
                self.hear(fd)
            if self.talks and time.monotonic() >= due:
                self.talk()
                due = time.monotonic() + TALK_S


if __name__ == "__main__":
    Caller(*sys.argv[1:4], sys.argv[4:]).run()
