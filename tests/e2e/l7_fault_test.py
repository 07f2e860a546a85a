#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Delays and timeouts to the millisecond, so on the release build."""
import contextlib
import statistics

import builds
import mesh
from l7 import JASON, bookinfo, counted, curl, many, parallel, put, routes, task, to

PAGE = "productpage-v1-0"
RATINGS = "http://ratings:9080/"
DETAILS = "http://details:9080/"
REVIEWS = "http://reviews:9080/"
SLACK_ONE, SLACK_MEDIAN = 0.25, 0.05


@contextlib.contextmanager
def fixture():
    mesh.SHUNT = builds.release()
    with bookinfo() as m:
        yield m


def late(took, seconds):
    """Whether some of nine took longer than they may; what is too early fails at once."""
    assert len(took) == 9 and min(took) >= seconds, took
    return max(took) > seconds + SLACK_ONE or statistics.median(took) > seconds + SLACK_MEDIAN


def held_for(seconds, *asks):
    """Asks nine at once of each; again when they are late, as others may have had the machine."""
    for last in (False, False, True):
        waiting = [ask() for ask in asks]
        rounds = [wait() for wait in waiting]
        took = [sorted(a.seconds for a in got) for got in rounds]
        if not any([late(t, seconds) for t in took]):
            return [a for got in rounds for a in got]
        assert not last, took
    return None


def test_a_delay_is_seven_seconds_for_jason_in_both_spellings(m):
    old = {"match": [{"headers": {"end-user": {"exact": "jason"}}}],
           "fault": {"delay": {"percent": 100, "fixedDelay": "7s"}}, "route": [to("details", "v1")]}
    put(m, task("fault-delay"), routes("details", old, {"route": [to("details", "v1")]}))
    got = held_for(7, *(lambda url=url: parallel(m, PAGE, url, 9, [JASON])
                        for url in (RATINGS, DETAILS)))
    assert {a.status for a in got} == {200}, got
    others = [a for url in (RATINGS, DETAILS)
              for a in curl(m, PAGE, url + "?n=[1-50]", headers=["end-user: jane"])]
    assert all(a.status == 200 and a.seconds < 1 for a in others), [a.seconds for a in others]


def test_a_timeout_of_half_a_second_while_what_it_calls_takes_two(m):
    put(m, task("timeouts"))
    for seconds, headers in ((0.5, []), (0.3, ["x-envoy-upstream-rq-timeout-ms: 300"])):
        got = held_for(seconds, lambda h=headers: parallel(m, PAGE, REVIEWS, 9, h))
        assert {(a.status, a.body) for a in got} == {(504, "upstream request timeout")}, got
    for a in parallel(m, PAGE, REVIEWS, 9, ["x-envoy-upstream-rq-timeout-ms: 10000"])():
        assert a.status == 200 and a.seconds >= 2, (a.status, a.seconds)
        assert a.json["calls"][0]["body"]["pod"] == "ratings-v1-0", a.body


def test_one_request_in_a_thousand_is_held_for_five_seconds(m):
    put(m, task("fault-abort").replace("ratings", "details"))
    before = counted(m, "details", "DI")
    rows = many(m, PAGE, [DETAILS + "?n=[1-100000]"], 64,
                ("http_code", "time_starttransfer", "num_connects"))
    took = [float(seconds) for _, seconds, _ in rows]
    slow = [seconds for seconds in took if seconds >= 5]
    assert len(rows) == 100000 and {status for status, _, _ in rows} == {"200"}, len(rows)
    assert sum(int(connects) for _, _, connects in rows) == 64
    assert abs(len(slow) - 100) <= 40, len(slow)
    mesh.wait_for(lambda: counted(m, "details", "DI") - before == len(slow), what="all are counted")
    assert max(seconds for seconds in took if seconds < 5) < 1


if __name__ == "__main__":
    mesh.run_tests()
