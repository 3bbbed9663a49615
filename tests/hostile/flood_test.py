#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Connections that do nothing take nothing away from those who work.

flood_test.py --build DIR

The program runs with two intake lanes and few descriptors.  More connections are opened than it can have,
and stay silent.  The health listener answers all the same, an event on a connection of before is taken and
its action carried out, and no more connections are in than the log and the metric say.  Then, with
http.connections set, both lanes together take exactly so many.  Last, large bodies that stop short of their
end: no more are held than limits.bodies_bytes allows, and an event of the usual size is taken all the same.
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

DESCRIPTORS = 512
FLOOD = 600
CAP = 10
BODIES = 150
BODY_BYTES = 1024 * 1024
BODIES_HELD = 64  # limits.bodies_bytes / limits.body_bytes

CONFIG = """state_dir = "%(dir)s/var";
http = { listen = "127.0.0.1:%(port)d"; health = "127.0.0.1:%(health)d"; %(http)s };
threads = { intake = 2; scan = 1; act = 1; };
credentials = ( { name = "slack-signing"; env = "SLACK_SIGNING_SECRET"; } );
plugins = { path = [ "%(plugins)s" ]; };
log = { format = "json"; };
inputs = ( { name = "slack"; plugin = "slack"; transport = "http"; path = "/slack/events";
             signing_secret = "slack-signing"; } );
tools = ( { name = "keyword"; plugin = "keyword"; word = "leak"; } );
actions = ( { name = "log"; plugin = "log"; to = "%(dir)s/found.log"; } );
pipelines = ( { name = "all"; inputs = [ "slack" ]; tools = [ "keyword" ];
                policy = ( { when = { findings = 1; }; verdict = "flag"; actions = [ "log" ]; } ); } );
"""

LIVE = b"GET /livez HTTP/1.1\r\nHost: flood\r\n\r\n"


def expect(condition, what):
    if not condition:
        raise SystemExit("net.flood: " + what)


def launcher(args, folder, few_descriptors):
    """The program, or a script that runs it with few descriptors."""
    program = os.path.join(args.build, "bin", "orchestrator")
    if not few_descriptors:
        return program
    script = os.path.join(folder, "orchestrator")
    with open(script, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n" % (DESCRIPTORS, program))
    os.chmod(script, 0o700)
    return script


def start(args, folder, http, few_descriptors):
    given = harness.Secrets()
    port, health = harness.Port(), harness.Port()
    config = os.path.join(folder, "orchestrator.cfg")
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIG % {"dir": folder, "port": port.number, "health": health.number, "http": http,
                             "plugins": os.path.join(args.build, "plugins")})
    program = harness.Orchestrator(launcher(args, folder, few_descriptors), config, given,
                                   port.number, health.number, os.path.join(folder, "run"))
    program.ports = (port, health)  # theirs as long as the program is
    program.start()
    return program


def connect(program):
    client = socket.socket()
    client.settimeout(harness.PATIENCE_S)
    client.connect(("127.0.0.1", program.port))
    return client


def event_request(given):
    body = json.dumps({
        "type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": "Ev1",
        "event_time": int(time.time()),
        "event": {"type": "message", "channel": "C1", "channel_type": "channel", "user": "U1",
                  "text": "a leak", "ts": "1700000000.000001"}}).encode()
    stamp = str(int(time.time()))
    return ("POST /slack/events HTTP/1.1\r\nHost: flood\r\nContent-Type: application/json\r\n"
            "X-Slack-Request-Timestamp: %s\r\nX-Slack-Signature: %s\r\nContent-Length: %d\r\n\r\n" % (
                stamp, given.sign(body, stamp), len(body))).encode() + body


def value_of(program, name, **wanted):
    page = harness.metrics_of(program.get("/metrics").text())
    return next((value for labels, value in page.get(name, []) if labels == wanted), 0)


def open_connections(program):
    return value_of(program, "orchestrator_http_connections", listener="events")


def flood(args, folder):
    program = start(args, folder, "", True)
    try:
        limit = value_of(program, "orchestrator_http_connections_limit", listener="events")
        short = [line for line in program.log_lines() if line["event"] == "descriptors.short"]
        shared = [line for line in program.log_lines() if line["event"] == "descriptors"]
        expect(len(short) == 1 and short[0]["level"] == "warn", "nobody said that descriptors are short")
        expect(shared[0]["connections"] == limit and shared[0]["limit"] == DESCRIPTORS, "the log says %r" % shared)
        first = connect(program)
        first.sendall(LIVE)
        expect(b"200" in first.recv(4096), "the first connection is not served")
        idle = [connect(program) for _ in range(FLOOD)]
        harness.poll("all places to be taken", lambda: (open_connections(program) == limit,
                                                        open_connections(program)))
        first.sendall(event_request(program.given))
        expect(first.recv(4096).startswith(b"HTTP/1.1 200"), "an event is not taken")
        harness.poll("the action to be carried out", lambda: (
            os.path.exists(os.path.join(folder, "found.log")), program.queues()))
        expect(program.get("/readyz").status == 200, "the health listener is blind")
        print("%d connections of %d are in; the rest of %d descriptors is for others" % (
            limit, FLOOD + 1, DESCRIPTORS))
        for client in [first, *idle]:
            client.close()
        expect(program.stop() == 0, "it did not end well")
    finally:
        if program.is_running():
            program.kill()


def served(clients):
    """How many of CLIENTS have been answered so far."""
    count = 0
    for client in clients:
        client.setblocking(False)
        try:
            count += client.recv(4096, socket.MSG_PEEK).startswith(b"HTTP/1.1 200")
        except BlockingIOError:
            pass
    return count


def cap(args, folder):
    program = start(args, folder, "connections = %d; connections_per_address = %d;" % (CAP, CAP), False)
    try:
        clients = [connect(program) for _ in range(6 * CAP)]
        for client in clients:
            client.sendall(LIVE)
        harness.poll("%d to be served" % CAP, lambda: (served(clients) >= CAP, served(clients)))
        # Both lanes have turned since: who waits at one of them has been looked at.
        expect(program.get("/livez").status == 200 and open_connections(program) == CAP,
               "%d connections are in" % open_connections(program))
        expect(served(clients) == CAP, "%d connections are served, %d may be" % (served(clients), CAP))
        waiting = [client for client in clients if served([client]) == 0]
        for client in set(clients) - set(waiting):
            client.close()
        harness.poll("the next to be let in", lambda: (served(waiting) > 0, served(waiting)))
        for client in waiting:
            client.close()
        expect(program.stop() == 0, "it did not end well")
    finally:
        if program.is_running():
            program.kill()


def begin_body(program):
    """All but the last bytes of a large request, if they are read at all."""
    client = connect(program)
    head = "POST /slack/events HTTP/1.1\r\nHost: flood\r\nContent-Length: %d\r\n\r\n" % BODY_BYTES
    try:
        client.sendall(head.encode() + b"x" * (BODY_BYTES - 10))
    except OSError:
        pass  # it was refused at its head
    return client


def held_and_refused(program):
    return value_of(program, "orchestrator_http_bodies_bytes"), value_of(
        program, "orchestrator_http_refused_total", listener="events", reason="bodies")


def bodies(args, folder):
    program = start(args, folder, "", False)
    try:
        clients = [begin_body(program) for _ in range(BODIES)]
        harness.poll("%d bodies to be held and the rest refused" % BODIES_HELD, lambda: (
            held_and_refused(program) == (BODIES_HELD * BODY_BYTES, BODIES - BODIES_HELD),
            held_and_refused(program)))
        expect(clients[-1].recv(4096).startswith(b"HTTP/1.1 503 "), "one too many is not told 503")
        usual = connect(program)
        usual.sendall(event_request(program.given))
        expect(usual.recv(4096).startswith(b"HTTP/1.1 200"), "an event is not taken")
        for client in [usual, *clients]:
            client.close()
        harness.poll("nothing to be held", lambda: (held_and_refused(program)[0] == 0, held_and_refused(program)))
        expect(program.stop() == 0, "it did not end well")
    finally:
        if program.is_running():
            program.kill()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    args = parser.parse_args()
    for play in (flood, cap, bodies):
        with tempfile.TemporaryDirectory(prefix="orch-flood-") as folder:
            play(args, folder)


if __name__ == "__main__":
    main()
