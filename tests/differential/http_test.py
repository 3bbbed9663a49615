#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What our HTTP parser accepts, nginx reads the same way.

http_test.py HTTP_READ [--seed N] [--count N]

Every stream is read by our parser (the program HTTP_READ).  For each request that it accepts, nginx
must have seen the same method, target, headers and body, and have used as many bytes; and where we
wait for more, nginx must not have seen a request.  What we refuse is not compared.  Where nginx
refuses a request of ours, the reason must be one of those in STRICTER.
"""
import argparse
import asyncio
import collections
import hashlib
import json
import random
import re
import subprocess
import sys
import tempfile

import oracle
import streams

SEED = 20231114
COUNT = 6000
SHOWN = 10
# Of the generated streams, at least this part must hold a request that we accept.
ACCEPTED_PART = 0.4
NOT_FORWARDED = {"host", "connection", "content-length", "transfer-encoding", "keep-alive", "te",
                 "expect", "upgrade"}


def header(request, name):
    return next((v for n, v in request["headers"] if n.lower() == name), "")


def climbs(request):
    depth = 0
    for step in re.sub(r"/+", "/", unescape(request["path"])).split("/")[1:]:
        depth += -1 if step == ".." else 0 if step in (".", "") else 1
        if depth < 0:
            return True
    return False


def unescape(path):
    return re.sub("%([0-9a-fA-F]{2})", lambda m: chr(int(m.group(1), 16)), path)


# Why nginx may refuse what we accept: the request never gets past such a proxy, so nobody reads it
# in two ways.
STRICTER = {
    "a path that climbs above the root": climbs,
    "an escape in the path that is none": lambda r: re.search("%(?![0-9a-fA-F]{2})", r["path"]),
    "an escaped NUL in the path": lambda r: "%00" in r["path"],
    "the method TRACE": lambda r: r["method"] == "TRACE",
    "a tab around a value that nginx looks at": lambda r: r["raw_tabs"],
}


class Reader:
    """Our parser."""

    def __init__(self, program):
        self.program = program

    def corpus(self):
        out = subprocess.run([self.program, "--corpus"], check=True, stdout=subprocess.PIPE)
        rows = [json.loads(line) for line in out.stdout.splitlines()]
        return [(name, text.encode("latin-1")) for name, text in rows]

    def read_all(self, inputs):
        feed = b"".join(b"%d\n%s" % (len(stream), stream) for stream in inputs)
        out = subprocess.run([self.program], input=feed, check=True, stdout=subprocess.PIPE)
        readings = [json.loads(line) for line in out.stdout.splitlines()]
        if len(readings) != len(inputs):
            raise RuntimeError("%d readings of %d streams" % (len(readings), len(inputs)))
        for stream, reading in zip(inputs, readings):
            at = 0
            for request in reading["requests"]:
                raw = stream[at:at + request["used"]]
                at += request["used"]
                request["raw_tabs"] = re.search(
                    rb"(?im)^(host|content-length|transfer-encoding|expect|connection):[ \t]*"
                    rb"(\t|[^\r\n]*\t[ \t]*\r)", raw) is not None
        return readings


def differences(ours, theirs):
    """What nginx read otherwise, in words."""
    target = ours["path"] + ("?" + ours["query"] if ours["query"] else "")
    if theirs["target"] not in (target, target + "?"):
        yield "target: ours %r, nginx's %r" % (target, theirs["target"])
    body = hashlib.sha256(ours["body"].encode("latin-1")).hexdigest()
    forwarded = [[n, v] for n, v in ours["headers"] if n.lower() not in NOT_FORWARDED]
    pairs = [
        ("method", ours["method"], theirs["method"]),
        ("host", header(ours, "host"), theirs["host"]),
        ("headers", forwarded, [[n, v.strip(" \t")] for n, v in theirs["headers"]]),
        ("body", body, theirs["body"]),
        ("bytes used", ours["used"], theirs["used"]),
    ]
    for what, mine, other in pairs:
        if mine != other:
            yield "%s: ours %r, nginx's %r" % (what, mine, other)


def closes_early(request):
    """nginx takes any word with "close" in it for the wish to close."""
    return any(n.lower() == "connection" and "close" in v.lower() for n, v in request["headers"])


class Comparison:
    def __init__(self):
        self.requests = 0
        self.stricter = collections.Counter()
        self.problems = []

    def add(self, name, stream, reading, answer):
        for problem in self.compare(reading, answer):
            self.problems.append("%s: %s\n    %r" % (name, problem, stream[:2000]))

    def compare(self, reading, answer):
        requests = reading["requests"]
        answers = oracle.answers_of(answer, [r["method"] for r in requests])
        for at, ours in enumerate(requests):
            if at == len(answers):
                yield "nginx saw %d of %d requests" % (at, len(requests))
                return
            status, theirs, is_end = answers[at]
            if theirs is None:
                yield from self.refused(status, ours)
                return
            self.requests += 1
            yield from differences(ours, theirs)
            if is_end and at + 1 < len(requests):
                if not closes_early(ours):
                    yield "nginx closed behind request %d of %d" % (at + 1, len(requests))
                return
        late = [theirs for _, theirs, _ in answers[len(requests):] if theirs]
        if reading["end"] in ("more", "whole") and late:
            yield "nginx saw a request where we wait for more: %r" % late[0]

    def refused(self, status, ours):
        reasons = [reason for reason, holds in STRICTER.items() if holds(ours)]
        if not reasons:
            yield "nginx answers %d to what we accept: %r" % (status, ours)
        else:
            self.stricter[reasons[0]] += 1


def check_that_differences_are_seen(reading, answer):
    """A reading with one thing changed must not pass."""
    ours = json.dumps(reading["requests"][0])
    (_, theirs, _), = oracle.answers_of(answer, ["POST"])
    for key, value in (("method", "PUT"), ("path", "/y"), ("body", "hellO"), ("used", 1),
                       ("headers", [])):
        spoiled = json.loads(ours)
        spoiled[key] = value
        if not list(differences(spoiled, theirs)):
            raise RuntimeError("a wrong %s is not noticed" % key)


async def run(reader, args):
    pick = random.Random(args.seed)
    generator = streams.Generator(pick)
    control = streams.GOOD[10]
    named = [("control", control)]
    named += [("good request %d" % i, stream) for i, stream in enumerate(streams.GOOD)]
    named += [("good request %d, twice" % i, stream * 2) for i, stream in enumerate(streams.GOOD)]
    named += reader.corpus()
    named += [("%s, behind a good request" % name, control + stream) for name, stream in named]
    generated = [("generated %d" % i, generator.stream()) for i in range(args.count)]
    readings = reader.read_all([stream for _, stream in named + generated])
    accepted = [(name, stream, reading)
                for (name, stream), reading in zip(named + generated, readings)
                if reading["requests"] or reading["end"] == "more"]
    with tempfile.TemporaryDirectory(prefix="orch-differential-") as folder:
        second = oracle.Oracle(folder)
        try:
            await second.start()
            answers = await second.ask_all([stream for _, stream, _ in accepted])
        finally:
            second.stop()
    return named, generated, readings, accepted, answers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("http_read")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=COUNT)
    args = parser.parse_args()
    print("seed %d, %d generated streams" % (args.seed, args.count))
    try:
        named, generated, readings, accepted, answers = asyncio.run(run(Reader(args.http_read), args))
    except oracle.Missing as problem:
        sys.exit("differential.http: %s" % problem)
    check_that_differences_are_seen(readings[0], answers[0])
    comparison = Comparison()
    for (name, stream, reading), answer in zip(accepted, answers):
        comparison.add(name, stream, reading, answer)
    used = sum(bool(reading["requests"]) for reading in readings[len(named):])
    print("%d streams to the parser, %d to nginx; %d requests compared; %d generated streams used" %
          (len(readings), len(accepted), comparison.requests, used))
    for reason, count in sorted(comparison.stricter.items()):
        print("nginx refuses %s: %d" % (reason, count))
    for problem in comparison.problems[:SHOWN]:
        print("DIFFERENT: " + problem)
    if used < ACCEPTED_PART * len(generated):
        sys.exit("too few of the generated streams are accepted to show anything")
    if comparison.problems:
        sys.exit("%d differences (seed %d)" % (len(comparison.problems), args.seed))


if __name__ == "__main__":
    main()
