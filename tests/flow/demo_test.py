#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demonstration, for visitors who change things and try things."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import demo
import harness

BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(demo.TREE, "build")))
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAx3mZbT0kq\n-----END RSA PRIVATE KEY-----\n"


class Configured(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="orch-demo-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.ours = os.path.join(self.folder, "ours")
        shutil.copytree(os.path.dirname(demo.CONFIG), self.ours)
        self.temporary = os.path.join(self.folder, "tmp")
        os.mkdir(self.temporary)

    def edit(self, *changes):
        path = os.path.join(self.ours, "orchestrator.cfg")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def play(self, path):
        done = subprocess.run(
            [sys.executable, demo.__file__, "--once", "--config", path], capture_output=True, text=True,
            env=dict(os.environ, BUILD=BUILD, TMPDIR=self.temporary), check=False)
        self.assertEqual(os.listdir(self.temporary), [], "something stayed behind")
        return done

    def test_ports_state_and_rules_are_the_visitors(self):
        os.rename(os.path.join(self.ours, "rules.json"), os.path.join(self.ours, "mine.json"))
        ports = harness.Port(), harness.Port()
        state = os.path.join(self.folder, "state")
        done = self.play(self.edit(
            ("127.0.0.1:8080", "127.0.0.1:%d" % ports[0].number),
            ("127.0.0.1:9100", "127.0.0.1:%d" % ports[1].number),
            ('"../var"', '"%s"' % state), ("rules.json", "mine.json"),
            ("credentials = (", 'log = { level = "warn"; };\ncredentials = (')))
        for port in ports:
            port.close()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("http://127.0.0.1:%d/slack/events" % ports[0].number, done.stdout)
        self.assertIn("http://127.0.0.1:%d/" % ports[1].number, done.stdout)
        self.assertIn("orchestrator.db", os.listdir(state))

    def test_what_is_wrong_is_said_and_nothing_stays(self):
        for change, says in ((("state_dir", "colour = 1; state_dir"), 'unknown key "colour"'),
                             (("http://127.0.0.1:9100", "https://slack.com"), "api_url")):
            shutil.copy(demo.CONFIG, self.ours)
            done = self.play(self.edit(change))
            self.assertEqual(done.returncode, 1)
            self.assertIn(says, done.stdout)


class Shown(unittest.TestCase):
    def test_the_readme_shows_what_is_seen(self):
        with open(os.path.join(demo.TREE, "README.md"), encoding="utf-8") as file:
            shown = re.search(r"^\$ \./dev run --once\n(.*?)^```$", file.read(), re.M | re.S).group(1)
        done = subprocess.run([sys.executable, demo.__file__, "--once"], capture_output=True, text=True,
                              env=dict(os.environ, BUILD=BUILD), check=False)
        self.assertEqual(self.without_figures(done.stdout), self.without_figures(shown))

    def without_figures(self, text):
        return re.sub(r"\d+ ms$|127\.0\.0\.1:\d+", "…", text, flags=re.M)


class Heard:
    """A screen that keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, text=""):
        self.lines.append(text.strip())

    def good(self, text):
        return text

    bold = bad = good


class Watched(unittest.TestCase):
    def setUp(self):
        self.stage = demo.Stage(BUILD, demo.CONFIG)
        self.addCleanup(self.stage.close)
        self.watcher = demo.Watcher(self.stage, Heard())

    def test_what_a_visitor_posts_is_told_once(self):
        stage, watcher = self.stage, self.watcher
        stage.sim.tell("message", channel="general", user="alice", text="hello")
        self.hear(watcher, ["a message in general → stays, nothing found"])
        stage.sim.tell("file", channel="random", user="bob", name="a.txt", content="clean", text="look")
        self.hear(watcher, ["a message in random → stays, nothing found"])
        stage.sim.tell("message", channel="general", user="alice", text="4539 5260 1815 9083")
        self.hear(watcher, ["alice: Visa card number → deleted"])
        stage.sim.tell("file", channel="random", user="bob", name="a.pem", content=KEY)
        self.hear(watcher, ["bob: Private key → deleted"])

    def test_an_upload_is_told_once_whichever_of_its_events_is_last(self):
        for last in ("file_shared", "file_share"):
            self.stage.sim.tell("fault", method="events", kind="hold",
                                skip=("file_created", "file_shared", "file_share").index(last))
            self.stage.sim.tell("file", channel="random", user="bob", name="a.bin", content=KEY,
                                text="look", mimetype="application/octet-stream")
            self.wait_for_a_line()
            self.stage.sim.tell("release")
            self.hear(self.watcher, ["bob: Private key → deleted"])

    def wait_for_a_line(self):
        def has_line():
            self.watcher.look()
            return self.watcher.screen.lines, "none"

        harness.poll("a line", has_line)

    def hear(self, watcher, wanted):
        """WANTED and no more, when everything that was posted has been judged and done."""
        def at_rest():
            pending = watcher.stage.sim.brief()["deliveries_pending"]
            ledger = watcher.stage.orchestrator.queues()[0]
            watcher.look()
            return ledger["in_flight"] == pending == 0 and watcher.screen.lines, watcher.screen.lines

        harness.poll(wanted, at_rest)
        watcher.look()
        self.assertEqual(watcher.screen.lines, wanted)
        watcher.screen.lines.clear()


if __name__ == "__main__":
    unittest.main(verbosity=2)
