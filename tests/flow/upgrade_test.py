#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One instance takes over from the other under load: nobody is refused, nothing is lost.

    upgrade_test.py --build BUILD [--rounds N]
"""
import argparse
import http.client
import json
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
import unittest

import harness

TREE = pathlib.Path(__file__).resolve().parents[2]
CLIENTS = 6
OPTIONS = None

CONFIG = """
state_dir = "var";
http = {{ listen = "127.0.0.1:{port}"; health = "127.0.0.1:{health}"; }};
threads = {{ intake = {lanes}; scan = 1; act = 1; }};
credentials = ( {{ name = "slack-signing"; env = "SLACK_SIGNING_SECRET"; }},
                {{ name = "slack-bot"; env = "SLACK_BOT_TOKEN"; scheme = "bearer"; hosts = [ "127.0.0.1" ]; }} );
inputs = ( {{ name = "slack"; plugin = "slack"; transport = "http"; path = "/slack/events";
             signing_secret = "slack-signing"; token = "slack-bot"; api_url = "http://127.0.0.1:9/api/"; }} );
egress = {{ allow = [ "127.0.0.1/32" ]; }};
tools = ( {{ name = "keyword"; plugin = "keyword"; word = "bazooka"; }} );
actions = ( {{ name = "log"; plugin = "log"; to = "log.jsonl"; }} );
pipelines = ( {{ name = "p"; inputs = [ "slack" ]; tools = [ "keyword" ];
                policy = ( {{ when = {{ findings = 1; }}; verdict = "flag"; actions = [ "log" ]; }} ); }} );
"""


class Client(threading.Thread):
    """Sends event after event on one connection for as long as that stands."""

    def __init__(self, port, given, number):
        super().__init__(daemon=True)
        self.port = port
        self.given = given
        self.number = number
        self.sent = 0
        self.failures = []
        self.is_over = threading.Event()

    def body(self):
        identity = "%d-%d" % (self.number, self.sent)
        ts = "17000%05d.%06d" % (self.number, self.sent)
        return json.dumps({
            "type": "event_callback", "team_id": "T1", "api_app_id": "A1",
            "event_id": "Ev" + identity, "event_time": 1700000000,
            "event": {"type": "message", "channel": "C1", "channel_type": "channel",
                      "user": "U1", "ts": ts, "text": "bazooka " + identity}}).encode()

    def run(self):
        connection = None
        while not self.is_over.is_set():
            body = self.body()
            timestamp = str(int(time.time()))
            connection = connection or http.client.HTTPConnection("127.0.0.1", self.port,
                                                                  timeout=30)
            try:
                connection.request("POST", "/slack/events", body, {
                    "Content-Type": "application/json", "X-Slack-Request-Timestamp": timestamp,
                    "X-Slack-Signature": self.given.sign(body, timestamp)})
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append("%s: %r" % (self.number, error))
                connection = None
                continue
            if response.status == 200:
                self.sent += 1
            else:
                self.failures.append("%s: %d" % (self.number, response.status))
            if response.getheader("Connection", "").lower() == "close":
                connection.close()
                connection = None
            time.sleep(0.002)
        if connection:
            connection.close()


class Upgrade(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="orch-upgrade-")
        self.ports = [harness.Port(), harness.Port()]
        self.given = harness.Secrets()
        self.instances = []

    def tearDown(self):
        for instance in self.instances:
            if instance.is_running():
                instance.kill()
        for port in self.ports:
            port.close()
        self.folder.cleanup()

    def write_config(self, lanes):
        path = os.path.join(self.folder.name, "orchestrator.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(port=self.ports[0].number, health=self.ports[1].number,
                                     lanes=lanes))
        return path

    def launch(self, config):
        instance = harness.Orchestrator(
            os.path.join(OPTIONS.build, "bin", "orchestrator"), config, self.given,
            self.ports[0].number, self.ports[1].number,
            os.path.join(self.folder.name, "log-%d" % len(self.instances)))
        self.instances.append(instance)
        instance.begin("--json")
        harness.poll("a line that says that it has started",
                     lambda: ('"started"' in harness.read_text(instance.log_paths[-1]),
                              harness.read_text(instance.log_paths[-1])[-500:]))
        return instance

    def take_over(self, elder, config):
        younger = self.launch(config)
        self.assertEqual(elder.stop(), 0)
        return younger

    def play(self, lanes):
        config = self.write_config(lanes)
        current = self.launch(config)
        clients = [Client(self.ports[0].number, self.given, n) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(OPTIONS.rounds):
            time.sleep(0.2)
            current = self.take_over(current, config)
        for client in clients:
            client.is_over.set()
            client.join()
        self.assertEqual([f for client in clients for f in client.failures], [])
        self.check_books(current, sum(client.sent for client in clients))
        self.assertEqual(current.stop(), 0)

    def check_books(self, instance, sent):
        def look():
            ledger, _ = instance.queues()
            return ledger["in_flight"] == 0 and ledger["imbalance"] == 0, ledger

        ledger = harness.poll("nothing in flight", look)
        self.assertGreater(sent, 100)
        self.assertEqual(ledger["accepted"], 2 * sent)  # each event, and its one task
        with open(os.path.join(self.folder.name, "log.jsonl"), encoding="utf-8") as file:
            found = {line.split('"trace":"', 1)[1].split('"', 1)[0] for line in file
                     if '"trace":"' in line}
        self.assertEqual(len(found), sent)

    def test_one_socket_goes_from_hand_to_hand(self):
        self.play(lanes=1)

    def test_so_do_the_sockets_of_several_lanes(self):
        self.play(lanes=3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.environ.get("BUILD", str(TREE / "build")))
    parser.add_argument("--rounds", type=int, default=5)
    OPTIONS, rest = parser.parse_known_args()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    unittest.main(argv=sys.argv[:1] + rest)
