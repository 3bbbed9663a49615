#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""More work than the hosts take at once: it waits, and what waits here keeps its lease."""
import unittest

from storm import StormCase, StormSite

import case

LEAKS = 12
SLOW_MS = 1500
QUEUE = {"visibility": "6s", "wait": "1s"}  # less than the work takes two hosts, one by one


class Backlog(StormCase):
    def test_13_what_there_is_no_room_for_is_leased_once_when_there_is(self):
        site = StormSite(self.cloud, **QUEUE)
        self.addCleanup(site.close)
        for host in site.hosts:
            host.settings.change("block.in_flight", "1")
        site.start()
        site.sim.tell("fault", method="chat.delete", kind="slow", ms=SLOW_MS, count=LEAKS)
        site.talk(LEAKS)
        site.await_end()
        self.assertEqual(site.deleted(), LEAKS)
        self.assertEqual(site.calls("chat.delete"), LEAKS)
        leased = [host.metric("orchestrator_sqs_deliveries_total", queue="act.block",
                              result="leased") or 0 for host in site.hosts]
        self.assertEqual(sum(leased), LEAKS, "what waited was leased again")
        self.assertEqual(sum(host.metric("orchestrator_leases_lost_total") or 0
                             for host in site.hosts), 0)
        case.check(self, site)


if __name__ == "__main__":
    unittest.main(verbosity=2)
