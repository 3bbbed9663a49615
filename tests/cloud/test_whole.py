#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole way of a message, on SQS and PostgreSQL."""
import os
import shutil
import subprocess
import sys
import unittest

from case import Case
from hosts import BUILD, CONFIG, CREDENTIALS, queue_group, store_group

import demo
import harness
import settings

FLOOD = 40


class Heard(demo.Screen):
    """A screen that keeps what is said."""

    def __init__(self):
        super().__init__()
        self.is_terminal = self.has_color = False
        self.lines = []

    def say(self, text=""):
        self.lines.append(text)


class Apart:
    """The demonstration's stage, when each part of the work is done elsewhere."""

    message = demo.Stage.message
    kept = demo.Stage.kept

    def __init__(self, site, hosts):
        self.sim = site.sim
        self.orchestrator = hosts[0]
        self.hosts = hosts

    def scanned(self):
        return sum(host.metric("orchestrator_events_scanned_total") or 0 for host in self.hosts)


class Whole(Case):
    def test_the_demonstration_works_on_sqs_and_postgresql(self):
        with self.site() as site:
            site.host()  # whose commands tell what the books say
            site.hosts[0].write()
            folder = os.path.join(site.folder, "config")
            shutil.copytree(CONFIG, folder)
            site.given.put_into(folder)
            path = os.path.join(folder, "orchestrator.cfg")
            text = harness.read_text(path).replace("credentials = (", CREDENTIALS)
            text += "queue = %s;\nstore = %s;\n" % (
                settings.block(queue_group(site)), settings.block(store_group(site)))
            for port in ("8080", "9100"):
                site.ports.append(harness.Port())
                text = text.replace(port, str(site.ports[-1].number))
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            done = subprocess.run(
                [sys.executable, demo.__file__, "--once", "--config", path], capture_output=True,
                text=True, env=dict(site.given.environment(), BUILD=BUILD), check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            ledger = site.ledger()
            self.assertEqual((ledger["dead"], ledger["imbalance"]), (0, 0), ledger)
            self.assertGreater(ledger["done"], 5)

    def test_the_demonstration_works_with_stages_that_share_only_queue_and_store(self):
        with self.site() as site:
            hosts = self.start_apart(site)
            site.explain("alarm", alarm="slack_cannot_block")  # its last scene
            screen = Heard()
            wrong = demo.play(Apart(site, hosts), screen)
            self.assertEqual(wrong, 0, "\n".join(screen.lines))
            self.assertEqual(site.await_ledger(in_flight=0)["dead"], 0)

    def test_two_hosts_share_the_scanning_and_nothing_is_done_twice(self):
        with self.site() as site:
            hosts = self.start_apart(site)
            scanners = [host for host in hosts if host.stages[1] == "scan"]
            for host in scanners:
                host.await_polls(1)
            leaks = [site.post("my card 4716301661318609, number %d" % number)
                     for number in range(FLOOD)]
            for leak in leaks:
                site.await_shown(leak, "deleted")
            site.await_ledger(in_flight=0)
            scanned = [host.metric("orchestrator_events_scanned_total") or 0 for host in scanners]
            self.assertEqual(sum(scanned), FLOOD)
            self.assertTrue(all(scanned), "one of them did nothing: %s" % scanned)
            self.assertEqual(site.calls("chat.delete"), FLOOD)
            self.assertEqual(len(hosts[0].json_lines("finding", "list", "--limit", "1000")), FLOOD)

    def start_apart(self, site):
        """All at once, so that each of them finds an empty database and no queues."""
        hosts = [site.host("takes", "intake"), site.host("scans", "scan"),
                 site.host("scans-too", "scan"), site.host("acts", "act")]
        for host in hosts:
            host.begin()
        for host in hosts:
            harness.poll("200 from /readyz", lambda host=host: host.look_ready("/readyz"))
        return hosts


if __name__ == "__main__":
    unittest.main(verbosity=2)
