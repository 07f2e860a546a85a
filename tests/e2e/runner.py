# SPDX-License-Identifier: GPL-2.0
"""Runs the tests of the file that calls run_tests(), and prints a line for each.

A test file is a program: it defines functions test_NAME. A test with a parameter gets what the
file's `fixture()` context manager yields, made once for the file. The first argument picks tests
by a part of their name.
"""
import contextlib
import inspect
import os
import signal
import sys
import traceback

show_on_failure = []  # functions that print what else is to be seen, as "# " lines


class Skip(Exception):
    """Raised by a test that cannot run here; says why."""


class Fixture:
    """The file's fixture(): made when the first test wants it, ended after the last."""

    def __init__(self, make):
        self.make = make
        self.stack = contextlib.ExitStack()
        self.made = False
        self.value = self.fault = None

    def get(self):
        if not self.made:
            self.made = True
            try:
                self.value = self.stack.enter_context(self.make())
            except Exception as e:  # pylint: disable=broad-except
                self.fault = e
        if self.fault:
            raise self.fault
        return self.value


def run_one(name, test, fixture):
    """Prints the test's line; false: it failed."""
    try:
        test(*([fixture.get()] if inspect.signature(test).parameters else []))
    except Skip as e:
        print(f"skip {name} - {e}", flush=True)
        return True
    except Exception:  # pylint: disable=broad-except
        for show in show_on_failure:
            show()
        for line in traceback.format_exc().splitlines():
            print("#", line)
        print(f"not ok {name}", flush=True)
        return False
    print(f"ok {name}", flush=True)
    return True


ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def end(number, _):
    """The clean-up runs on the way out, once and undisturbed."""
    for other in ENDING:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def run_tests():
    module = sys.modules["__main__"]
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    stem = os.path.basename(module.__file__).removesuffix(".py").removesuffix("_test")
    fixture = Fixture(getattr(module, "fixture", None))
    failed = False
    for number in ENDING:
        signal.signal(number, end)
    with fixture.stack:
        for key, test in list(vars(module).items()):
            name = f"e2e/{stem}/{key.removeprefix('test_')}"
            if key.startswith("test_") and callable(test) and only in name:
                failed = not run_one(name, test, fixture) or failed
    sys.exit(1 if failed else 0)
