# SPDX-License-Identifier: GPL-2.0
"""usage: l7_caller.py URL RATE LOG [HEADER: VALUE]...

Asks for the URL at a rate, on one connection while it lasts, until it is ended. A line of the log:
CLOCK_MONOTONIC ns at the begin and at the end, status (0: none came), version, number of the
connection.
"""
import http.client
import json
import sys
import time
import urllib.parse


def main():
    url, rate, path, *headers = sys.argv[1:]
    at = urllib.parse.urlsplit(url)
    target = at.path + ("?" + at.query if at.query else "")
    headers = dict(header.split(": ", 1) for header in headers)
    connection, number = None, 0
    start = time.monotonic_ns()
    with open(path, "w", encoding="utf-8", buffering=1) as log:
        for n in range(1 << 60):
            due = start + n * 1e9 / float(rate)
            time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
            status, version, begin = 0, "-", time.monotonic_ns()
            try:
                if not connection:
                    connection = http.client.HTTPConnection(at.netloc, timeout=20)
                    number += 1
                connection.request("GET", target, headers=headers)
                answer = connection.getresponse()
                body = answer.read()
                status = answer.status
                version = json.loads(body)["version"] if status == 200 else "-"
                if answer.will_close:
                    connection = None
            except (OSError, http.client.HTTPException):
                connection = None
            log.write(f"{begin} {time.monotonic_ns()} {status} {version} {number}\n")


main()
