# SPDX-License-Identifier: GPL-2.0
"""Texts that are no honest configuration. As a program it writes them below a folder, so that who
measures the memory of a child has not had them: FOLDER/STATUS/NAME.yaml, by what validate ends with.
"""
import json
import os
import sys

import yaml

import mesh

OBJECT = b"""apiVersion: v1
kind: Service
metadata: {name: web%s}
spec:
  ports: [{port: 80}]
"""
MIB = 1 << 20


def one(more, suffix=b""):
    """A Service with something in front of its end."""
    return OBJECT % suffix + more


def bomb():
    """Each anchor is ten of the one before."""
    lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for n in range(1, 20):
        lines.append(b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)))
    return b"\n".join(lines) + b"\n"


def many(count):
    return b"---\n".join(one(b"", b"-%d" % i) for i in range(count))


def faulty():
    return {
        "a scalar of 10 MB": one(b"  x: " + b"y" * 10 * MIB),
        "a quoted scalar of 10 MB": one(b'  x: "' + b"y" * 10 * MIB + b'"'),
        "a literal of 10 MB": one(b"  x: |\n" + b"    yyyyyyy\n" * MIB),
        "a key of 10 MB": one(b"  ? " + b"k" * 10 * MIB + b"\n  : 1\n"),
        "100,000 lists in flow": one(b"  x: " + b"[" * 100000),
        "100,000 closed lists": one(b"  x: " + b"[" * 100000 + b"]" * 100000),
        "100,000 maps in flow": one(b"  x: " + b"{a: " * 100000),
        "100,000 lists in block": one(b"  x:\n  " + b"- " * 100000),
        "3,000 maps in block": one(b"".join(b" " * n + b"a:\n" for n in range(2, 3000))),
        "100,000 explicit keys": one(b"? " * 100000),
        "an alias bomb": one(bomb()),
        "an alias of itself": one(b"  x: &x [*x]\n"),
        "an unknown alias": one(b"  x: *nowhere\n"),
        "100,000 anchors": one(b"".join(b"  - &a%d x\n" % n for n in range(100000))),
        "bytes that are no UTF-8": one(b"  x: \xff\xfe\xfd\n"),
        "an overlong slash": one(b"  x: \xc0\xaf\n"),
        "a surrogate in UTF-8": one(b"  x: \xed\xa0\x80\n"),
        "a cut code point": one(b"  x: \xe2\x82"),
        "NUL bytes": one(b"  x: a\0b\n"),
        "nothing but NUL": b"\0" * MIB,
        "an escaped NUL": one(b'  x: "\\0"\n'),
        "control bytes": one(b"  x: \x01\x02\x1b[31m\n"),
        "noise": bytes(range(256)) * 4096,
        "tabs for blanks": one(b"\tx: 1\n"),
        "an open quote": one(b'  x: "\n'),
        "a directive of another YAML": b"%YAML 9.9\n---\n" + one(b""),
        "an unknown tag": one(b"  x: !!python/object/apply:os.system [id]\n"),
        "a key twice": one(b"metadata: {name: other}\n"),
        "100,000 keys twice": one(b"x: 1\n" * 100000),
        "a list as a key": one(b"  [a, b]: c\n"),
        "a scalar": b"hello\n",
        "a list": b"- 1\n- 2\n",
        "no kind": b"apiVersion: v1\nmetadata: {name: x}\n",
        "an unknown field": one(b"").replace(b"Service", b"Gateway").replace(
            b"apiVersion: v1", b"apiVersion: networking.istio.io/v1"),
        "64 MiB and one": b"#" * (64 * MIB + 1),
        "1,000,000 mistakes": b"- 1\n---\n" * 1000000,
        "2,000,000 scalars": one(b"  x: [" + b"1, " * 2000000 + b"1]\n"),
        "a file of dashes": b"-" * 4 * MIB,
        "a file of colons": b":" * 4 * MIB,
        "a file of brackets": b"][" * MIB,
        "numbers past all bounds": one(b"").replace(b"80", b"9" * 400),
        "the same object twice": one(b"") + b"---\n" + one(b""),
    }


def fine():
    return {
        "an empty file": b"",
        "a comment": b"# nothing\n",
        "empty documents": b"---\n" * 10000,
        "a byte order mark": b"\xef\xbb\xbf" + one(b""),
        "Windows' line ends": one(b"").replace(b"\n", b"\r\n"),
        "no line end": one(b"").rstrip(),
        "a long comment": one(b"# " + b"x" * 10 * MIB),
        "10,000 objects": many(10000),
        "a kind of others": b"apiVersion: x/v1\nkind: Y\nmetadata: {name: z}\n",
    }


WRONG = (None, True, -1, 1.5, 10 ** 30, "", "x", "\u202e", [], [[]], ["x"], {}, {"x": {}}, [{}])


def changed(value, make):
    """Copies of the value with each part of it, at any depth, put through make()."""
    yield from make(value)
    if isinstance(value, dict):
        for key in value:
            for new in changed(value[key], make):
                yield {**value, key: new}
            yield {k: v for k, v in value.items() if k != key}
    elif isinstance(value, list):
        for i, part in enumerate(value):
            for new in changed(part, make):
                yield value[:i] + [new] + value[i + 1:]


def wrong_types():
    """Every value of every example as everything it should not be, one document each."""
    documents = []
    for name in ("bookinfo.yaml", "echo.yaml", "limits.yaml", "host-canary.yaml", "mongo.yaml"):
        for value in yaml.safe_load_all(mesh.example(name)):
            documents += changed(value, lambda _: WRONG)
    for i, document in enumerate(documents):
        metadata = isinstance(document, dict) and document.get("metadata")
        if metadata and isinstance(metadata, dict) and isinstance(metadata.get("name"), str):
            document["metadata"] = {**metadata, "name": f"{metadata['name']}-{i}"}
    return "".join(f"--- {json.dumps(d)}\n" for d in documents).encode()


def write(folder, text_of):
    os.mkdir(folder)
    for name, text in text_of.items():
        with open(os.path.join(folder, name + ".yaml"), "wb") as f:
            f.write(text)


if __name__ == "__main__":
    write(os.path.join(sys.argv[1], "0"), fine())
    write(os.path.join(sys.argv[1], "1"), {**faulty(), "wrong types": wrong_types()})
