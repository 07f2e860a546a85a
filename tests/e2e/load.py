# SPDX-License-Identifier: GPL-2.0
"""A constant load beside a test, and what became of each of its connections."""
import json
import os

import mesh


class Load:
    """One client that connects at a constant rate beside the test, until ended."""

    def __init__(self, m, target, rate=400, **options):
        self.path = os.path.join(m.folder, f"load-{next(mesh.numbers)}")
        options = {"http": "/", "count": 1000000, "timeout": 3000, **options}
        self.process = m.spawn(target, rate=rate, log=self.path, **options)
        self.wait(1)

    def rows(self):
        """(begin ns, end ns, result, pod, version) of each connection, in order."""
        try:
            with open(self.path, encoding="utf-8") as f:
                lines = f.read().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        rows = [line.split() for line in lines if line.endswith("\n")]
        return sorted((int(begin), int(end), *rest) for begin, end, *rest in rows)

    def wait(self, number):
        """Until that many more connections are over."""
        wanted = len(self.rows()) + number
        mesh.wait_for(lambda: len(self.rows()) >= wanted, 20, f"{wanted} connections")

    def end(self):
        self.process.terminate()
        out, err = self.process.communicate(timeout=30)
        assert out, err
        return json.loads(out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def assert_none_failed(tally):
    assert tally["ok"] == tally["connections"] > 0, tally
