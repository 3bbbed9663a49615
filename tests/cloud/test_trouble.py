#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How trouble with SQS ends: it is not told any more, and nothing of it is left behind."""
import time
import unittest
from datetime import datetime, timedelta

from storm import CLEAN, StormCase, StormSite

import case
from harness import poll

QUEUE = {"visibility": "6s", "wait": "1s"}
SLOW_MS = 9000  # so that leases are renewed


class Trouble(StormCase):
    def test_a_use_that_nobody_needs_any_more_is_no_trouble(self):
        site = StormSite(self.cloud, **QUEUE)
        self.addCleanup(site.close)
        for event in ("health.bad", "queue.missing"):
            site.explain(event)
        site.start()
        one, two = site.hosts
        site.sim.tell("fault", method="chat.delete", kind="slow", ms=SLOW_MS, count=2)
        site.box.fault("http", status=503, action="ChangeMessageVisibilityBatch")
        site.talk(2)
        poll("one of them to say that leases cannot be renewed", lambda: (
            any("ChangeMessageVisibilityBatch" in host.readiness()[1] for host in (one, two)),
            [host.readiness() for host in (one, two)]))
        site.await_end()
        site.box.calm()
        calmed = time.monotonic()
        for host in (one, two):
            host.await_health()
        self.assertLess(time.monotonic() - calmed, 60)
        case.check(self, site)

    def test_all_of_a_large_purge_is_sent_again_without_a_pause(self):
        count = 1100  # more than twice what is sent again at once
        site = StormSite(self.cloud, **QUEUE)
        self.addCleanup(site.close)
        intake = site.hosts[0]
        intake.stages = ["--stages", "intake"]
        intake.start()
        for number in range(count):
            site.post(CLEAN % number)
        site.queue("scan").await_count(count)
        site.queue("scan").purge()
        first, second = intake.await_log("queue.sent_again", 2, why="missed")[:2]
        self.assertEqual(first["messages"], 500)
        paused = datetime.fromisoformat(second["time"]) - datetime.fromisoformat(first["time"])
        self.assertLess(paused, timedelta(seconds=14), "it waited for the next look")
        site.hosts[1].start()
        ledger = site.await_ledger(in_flight=0, dead=0)
        self.assertEqual((ledger["accepted"], ledger["done"]), (count, count))
        case.check(self, site)


if __name__ == "__main__":
    unittest.main(verbosity=2)
