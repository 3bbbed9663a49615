#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What docker/ expects of the running program is there."""
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from shipped import BUILD, DOCKER, TREE, documents, run

sys.path.insert(0, str(TREE / "tests/flow"))

import demo
import harness

FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-fsanitize=address,undefined", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror"]


class Running(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = demo.Stage(str(BUILD), demo.CONFIG)
        cls.addClassCleanup(cls.stage.close)
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.probe = pathlib.Path(cls.folder.name) / "orchestrator-probe"
        subprocess.run(["gcc", *FLAGS, "-o", cls.probe, DOCKER / "probe.c"], check=True)

    def ask(self, *words):
        return run(self.probe, *words)

    def test_hello_tells_what_became_of_its_messages(self):
        done = run(sys.executable, DOCKER / "hello.py", self.stage.sim.url)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stdout.count("was deleted"), 2)
        self.assertEqual(done.stdout.count("stays"), 1)

    def test_hello_says_when_nothing_was_done(self):
        given = harness.Secrets()
        sim = harness.Sim(str(BUILD / "bin/orchestrator-sim"), 9, given, f"{self.folder.name}/sim.log")
        self.addCleanup(sim.stop)
        done = run(sys.executable, DOCKER / "hello.py", sim.url, "--patience", "1")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(done.stdout.count("was NOT deleted"), 2)

    def exported(self, metric):
        """The labels of its series."""
        page = self.stage.orchestrator.get("/metrics").text()
        return [labels for labels, _ in harness.metrics_of(page).get(metric["name"], [])]

    def test_autoscalers_ask_for_a_metric_that_is_exported(self):
        asked = [metric["external"]["metric"]
                 for scaler in documents(DOCKER / "kubernetes/scaling.yaml")
                 for metric in scaler["spec"]["metrics"] if metric["type"] == "External"]
        self.assertEqual(len(asked), 2)
        # A queue is known from its first message on.
        self.stage.sim.tell("message", channel="general", user="alice", text="4539 5260 1815 9083")
        for metric in asked:
            wanted = metric["selector"]["matchLabels"].items()
            harness.poll(f"a series of {metric}", lambda: (
                any(wanted <= labels.items() for labels in self.exported(metric)), self.exported(metric)))

    def test_probe_shows_the_answer_and_says_whether_it_is_200(self):
        port = str(self.stage.events_port)
        self.assertEqual((self.ask(port, "/readyz").returncode, self.ask(port, "/readyz").stdout),
                         (0, "HTTP/1.1 200 ready\n\n"))
        self.assertEqual(self.ask(port, "/nowhere").returncode, 1)

    def test_probe_shows_the_whole_of_a_long_answer(self):
        done = self.ask(str(self.stage.events_port), "/metrics")
        self.assertEqual(done.returncode, 0)
        self.assertGreater(len(done.stdout), 8192)
        self.assertTrue(done.stdout.endswith("\n\n"), done.stdout[-80:])
        shown = harness.metrics_of(done.stdout.split("\n", 1)[1])
        self.assertEqual(set(shown), set(harness.metrics_of(
            self.stage.orchestrator.get("/metrics").text())))

    def test_probe_takes_a_path_of_512_bytes_and_no_longer_one(self):
        port, path = str(self.stage.events_port), "/readyz?" + "x" * 504
        self.assertEqual(self.ask(port, path).returncode, 0)
        self.assertEqual(self.ask(port, path + "x").returncode, 64)

    def test_probe_of_somebody_who_says_nothing_of_use(self):
        for words in (b"", b"hello\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9000 + b"\r\n\r\nready\n"):
            with self.subTest(words[:20]), socket.create_server(("127.0.0.1", 0)) as server:
                threading.Thread(target=self.answer, args=(server, words), daemon=True).start()
                done = self.ask(str(server.getsockname()[1]), "/readyz")
                self.assertEqual((done.returncode, done.stdout), (1, "no answer\n"))

    @staticmethod
    def answer(server, words):
        connection, _ = server.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(words)

    def test_probe_finds_nobody(self):
        port = harness.Port()
        self.addCleanup(port.close)
        done = self.ask(str(port.number), "/readyz")
        self.assertEqual(done.returncode, 1)
        self.assertIn("refused", done.stdout)

    def test_probe_refuses_what_it_does_not_understand(self):
        for words in ((), ("9090",), ("0", "/"), ("65536", "/"), ("-1", "/"), ("90x", "/"), ("", "/"),
                      ("9090", "readyz"), ("9090", "/readyz", "more")):
            self.assertEqual(self.ask(*words).returncode, 64, words)


if __name__ == "__main__":
    unittest.main()
