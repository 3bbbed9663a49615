#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Slow and greedy clients hold up nobody else.

hostile_test.py --build DIR [--memory]

300 connections drip, or say nothing; 50 send requests as fast as they are taken and read no answer.
Among them one client behaves: each of its events is answered 200, on a connection of its own.  Those
who drip a head are told 408, the greedy are not read any more.  With --memory the program's peak grows by less than 32 MiB.
"""
import argparse
import json
import os
import pathlib
import socket
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "flow"))
import harness  # noqa: E402

SLOW = 300
GREEDY = 50
GOOD_REQUESTS = 100
GREEDY_SENDS = 32  # in a tick
STUCK_TICKS = 10  # who could send nothing for so many is not read any more
GROWTH_KIB = 32 * 1024
TICK_S = 0.02
PATIENCE_S = 60

CONFIG = """state_dir = "%(dir)s/var";
http = { listen = "127.0.0.1:%(port)d"; };
credentials = ( { name = "slack-signing"; env = "SLACK_SIGNING_SECRET"; } );
plugins = { path = [ "%(plugins)s" ]; };
log = { level = "warn"; };
inputs = ( { name = "slack"; plugin = "slack"; transport = "http"; path = "/slack/events";
             signing_secret = "slack-signing"; } );
tools = ( { name = "keyword"; plugin = "keyword"; word = "leak"; } );
actions = ( { name = "log"; plugin = "log"; } );
pipelines = ( { name = "all"; inputs = [ "slack" ]; tools = [ "keyword" ];
                policy = ( { when = { findings = 1; }; verdict = "flag"; actions = [ "log" ]; } ); } );
"""


def request_of(given, body, length=None):
    """A signed delivery of BODY.  LENGTH: what Content-Length says, if not the truth."""
    stamp = str(int(time.time()))
    return ("POST /slack/events HTTP/1.1\r\nHost: hostile\r\nContent-Type: application/json\r\n"
            "X-Slack-Request-Timestamp: %s\r\nX-Slack-Signature: %s\r\nContent-Length: %d\r\n\r\n" % (
                stamp, given.sign(body, stamp), len(body) if length is None else length)).encode() + body


def challenge():
    return b'{"type":"url_verification","challenge":"c"}'


def message(number):
    return json.dumps({
        "type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": "Ev%06d" % number,
        "event_time": int(time.time()),
        "event": {"type": "message", "channel": "C1", "channel_type": "channel", "user": "U1",
                  "text": "nothing to see", "ts": "1700000000.%06d" % number}}).encode()


def connect(port, room=None):
    """ROOM: how many bytes of answers the kernel is to keep for us."""
    client = socket.socket()
    if room is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    client.connect(("127.0.0.1", port))
    client.setblocking(False)
    return client


class Slow:
    """Sends what it has by a byte a tick, and notes the answer."""

    def __init__(self, port, kind, given):
        self.kind = kind
        self.socket = connect(port)
        self.answer = b""
        self.is_over = False
        whole = request_of(given, challenge(), 900000)
        at_once, self.rest = {
            "silent": (b"", b""),
            "head": (b"", whole[:60] + b"X-Drip: " + b"x" * 7000),
            "stalled": (whole[:80], b""),
            "body": (whole, b"y" * 7000),
        }[kind]
        self.socket.send(at_once)

    def tick(self):
        try:
            if not self.is_over and self.rest:
                self.socket.send(self.rest[:1])
                self.rest = self.rest[1:]
        except OSError:
            pass  # what was answered can still be read
        try:
            bytes_read = self.socket.recv(4096)
            self.answer += bytes_read
            self.is_over = self.is_over or not bytes_read
        except BlockingIOError:
            pass
        except OSError:
            self.is_over = True


class Greedy:
    """A pipeline of good requests, small ones with large answers, that never reads an answer."""

    def __init__(self, port):
        self.socket = connect(port, 4096)
        self.requests = memoryview(b"GET /metrics HTTP/1.1\r\nHost: hostile\r\n\r\n" * 1000)
        self.at = 0
        self.sent = 0
        self.idle_ticks = 0

    def tick(self):
        """Some in every tick, so that the good are not held up by our own work."""
        self.idle_ticks += 1
        try:
            for _ in range(GREEDY_SENDS):
                count = self.socket.send(self.requests[self.at:])
                self.at = (self.at + count) % len(self.requests)
                self.sent += count
                self.idle_ticks = 0
        except BlockingIOError:
            pass
        except OSError as problem:
            raise SystemExit("net.hostile: a greedy client, %d KiB on: %s" % (
                self.sent // 1024, problem)) from problem


def ask(port, request):
    """The status of one request on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        client.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = client.recv(4096)
            if not piece:
                raise SystemExit("the well-behaved client got no answer, but: %r" % answer)
            answer += piece
    return int(answer.split(b" ", 2)[1])


def peak_kib(process):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def expect(condition, what):
    if not condition:
        raise SystemExit("net.hostile: " + what)


def good_request(port, given, number):
    status = ask(port, request_of(given, message(number)))
    expect(status == 200, "event %d was answered %d" % (number, status))
    status = harness.ask(port, "GET", "/livez").status
    expect(status == 200, "/livez answers %d" % status)


class Memory:
    """How far the program's peak has grown; checked while the attack goes on, if it is to be."""

    def __init__(self, process, is_checked):
        self.process = process
        self.is_checked = is_checked
        self.before = peak_kib(process)

    def check(self):
        growth = peak_kib(self.process) - self.before
        expect(not self.is_checked or growth < GROWTH_KIB, "memory has grown by %d KiB" % growth)
        return growth


def siege(port, given, memory):
    """Attacks until all that drip were told off and the greedy are stuck; a good request a tick."""
    kinds = ("head", "head", "silent", "stalled", "body", "head")
    slow = [Slow(port, kinds[i % len(kinds)], given) for i in range(SLOW)]
    greedy = [Greedy(port) for _ in range(GREEDY)]
    dripping = [client for client in slow if client.kind in ("head", "stalled")]
    until = time.monotonic() + PATIENCE_S
    number = 0
    while number < GOOD_REQUESTS or not all(client.is_over for client in dripping) or \
            not all(client.idle_ticks >= STUCK_TICKS for client in greedy):
        expect(time.monotonic() < until, "%d heads drip on, %d of the greedy are still read" % (
            sum(not client.is_over for client in dripping),
            sum(client.idle_ticks < STUCK_TICKS for client in greedy)))
        for client in slow + greedy:
            client.tick()
        number += 1
        good_request(port, given, number)
        memory.check()
        time.sleep(TICK_S)
    wrong = [client.answer[:80] for client in dripping if not client.answer.startswith(b"HTTP/1.1 408 ")]
    expect(not wrong, "dripping a head is answered %r" % wrong[:3])
    sent = sum(client.sent for client in greedy)
    print("%d good requests, each answered 200; %d slow heads told 408; the greedy got stuck after %d KiB" % (
        number, len(dripping), sent // 1024))
    return slow + greedy


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--memory", action="store_true")
    args = parser.parse_args()
    given = harness.Secrets()
    port = harness.Port()
    with tempfile.TemporaryDirectory(prefix="orch-hostile-") as folder:
        config = os.path.join(folder, "orchestrator.cfg")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG % {"dir": folder, "port": port.number,
                                 "plugins": os.path.join(args.build, "plugins")})
        program = harness.Orchestrator(os.path.join(args.build, "bin", "orchestrator"), config, given,
                                       port.number, port.number, os.path.join(folder, "run"))
        program.start()
        try:
            expect(ask(port.number, request_of(given, message(0))) == 200, "the first event is refused")
            memory = Memory(program.process, args.memory)
            attackers = siege(port.number, given, memory)
            for attacker in attackers:
                attacker.socket.close()
            expect(ask(port.number, request_of(given, challenge())) == 200, "it is out of order")
            print("peak of memory: %d KiB, and %d KiB more" % (memory.before, memory.check()))
            expect(program.stop() == 0, "it did not end well")
        finally:
            if program.is_running():
                program.kill()


if __name__ == "__main__":
    main()
