#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""More work than the hosts take at once: it waits, and what waits here keeps its lease."""
import time
import unittest

from storm import StormCase, StormSite

import case
from harness import poll

LEAKS = 12
SLOW_MS = 1500
MANY = 200
QUEUES = 3  # scan, and one for each action
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

    def test_receivers_are_added_while_there_is_much_and_one_is_left_when_there_is_nothing(self):
        site = StormSite(self.cloud, **QUEUE, batch="5", receivers="4")
        self.addCleanup(site.close)
        intake, worker = site.hosts
        intake.stages = ["--stages", "intake"]
        intake.start()
        site.talk(0, clean=MANY)
        site.queue("scan").await_count(MANY)
        self.assertGreaterEqual(intake.metric("orchestrator_aws_requests_total",
                                              action="SendMessageBatch"), MANY / 5)
        site.box.fault("slow", ms=300, action="ReceiveMessage")
        worker.start()
        poll("four receives", lambda: ((seen := site.box.audit()["held"]) >= QUEUES + 3, seen))
        site.await_end()
        time.sleep(1.5)  # what was asked while there was much is answered by then
        held = []
        for _ in range(40):
            held.append(site.box.audit()["held"])
            time.sleep(0.05)
        self.assertLessEqual(max(held), QUEUES, "more than one for each queue")
        self.assertGreater(max(held), 0, "nobody asked")
        case.check(self, site)

    def test_a_message_is_of_its_tenants_group_so_that_no_tenant_holds_up_another(self):
        site = StormSite(self.cloud, **QUEUE)
        self.addCleanup(site.close)
        site.start()
        site.talk(1)
        site.await_end()
        workspace, = {event["id"].split(":")[1]
                      for event in site.hosts[0].json_lines("finding", "list")}
        for queue, count in (("scan", 2), ("act-block", 1)):
            groups = [each["group"] for each in site.box.messages(site.prefix + queue)]
            self.assertEqual(groups, [workspace] * count)
        case.check(self, site)


if __name__ == "__main__":
    unittest.main(verbosity=2)
