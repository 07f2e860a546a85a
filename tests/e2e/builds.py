# SPDX-License-Identifier: GPL-2.0
"""Which build is tested, and where the one is that time and memory are measured on."""
import os

import mesh
from runner import Skip


def is_sanitized(binary):
    with open(binary, "rb") as f:
        return b"__asan_init" in f.read()


SANITIZED = is_sanitized(mesh.SHUNT)


def release():
    """The binary without sanitizers: the one that is tested, or its sibling."""
    if not SANITIZED:
        return mesh.SHUNT
    for folder in (os.path.dirname(mesh.BUILD), os.path.join(mesh.TREE, "build")):
        binary = os.path.join(folder, "shunt")
        if os.path.exists(binary) and not is_sanitized(binary):
            return binary
    raise Skip("memory is measured on the release build, which is not there")
