#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What was wrong with SQS and is over is not told any more, though nobody tries it again."""
import time
import unittest

from storm import StormCase, StormSite

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


if __name__ == "__main__":
    unittest.main(verbosity=2)
