#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each fault that SQS is known for, alone: nothing is lost, and nothing happens twice.

Kinesis (5, 26) is in test_streams.py, more than there is room for (13) in test_backlog.py, poison
(14) in test_dead.py, kills (20) in test_hosts.py and test_oracle.py.
"""
import contextlib
import os
import time
import unittest

from storm import StormCase, StormSite

import case
from harness import poll

LEAKS = 8
QUEUE = {"visibility": "6s", "wait": "1s"}


class Faults(StormCase):
    """One site through all weathers: hosts that have come through one must be well for the next."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.site = StormSite(cls.cloud, **QUEUE)
        cls.addClassCleanup(cls.site.close)
        for event in ("queue.missing", "health.bad"):  # what lasts is said
            cls.site.explain(event)
        cls.site.start()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            case.show_logs(self.site)

    @contextlib.contextmanager
    def weather(self, *faults):
        for kind, members in faults:
            self.site.box.fault(kind, **members)
        try:
            yield
        finally:
            self.site.box.calm()

    def endure(self, *faults, effects_once=True, before=None):
        """Under these faults what is said comes to its end."""
        site = self.site
        deletions = site.calls("chat.delete")
        leaks = len(site.leaks)
        with self.weather(*faults):
            if before:
                before()
            site.talk(LEAKS)
            site.await_end()
        self.assertEqual(site.deleted(), len(site.leaks))
        self.assertEqual({site.shown(message) for message in site.clean}, {"live"})
        done = site.calls("chat.delete") - deletions
        if effects_once:
            self.assertEqual(done, len(site.leaks) - leaks)
        else:
            self.assertGreaterEqual(done, len(site.leaks) - leaks)
        self.assertEqual(site.ledger()["imbalance"], 0)
        self.assertEqual(site.ledger()["dead"], 0)

    def test_01_server_errors(self):
        self.endure(*(("http", {"status": status, "p": 0.15}) for status in (500, 502, 503, 504)))

    def test_01_an_outage_is_no_flood_of_requests(self):
        before = self.count_requests()
        with self.weather(("http", {"status": 503})):
            time.sleep(3)
            during = self.count_requests() - before
        # Two hosts with two queues each poll, and nothing is sent: a loop would make thousands.
        self.assertLess(during, 200)

    def count_requests(self):
        return self.site.box.audit()["requests"].get("ReceiveMessage", {"calls": 0})["calls"]

    def test_02_throttling(self):
        self.endure(("throttle", {"p": 0.3}))

    def test_03_partial_sends(self):
        self.endure(("partial", {"action": "SendMessageBatch", "p": 0.5}))

    def test_03_sends_of_which_nothing_is_said(self):
        self.endure(("omit", {"action": "SendMessageBatch", "p": 0.5}))

    def test_04_partial_deletes(self):
        self.endure(("partial", {"action": "DeleteMessageBatch", "p": 0.5}))

    def test_06_sends_whose_answer_is_lost(self):
        self.endure(("reset", {"action": "SendMessageBatch", "p": 0.4, "after": True}))

    def test_07_receives_whose_answer_is_lost(self):
        self.endure(("reset", {"action": "ReceiveMessage", "p": 0.4, "after": True}))

    def test_08_answers_that_are_cut_off_or_garbage(self):
        self.endure(("truncate", {"p": 0.15}), ("garbage", {"p": 0.15}))

    def test_09_deliveries_that_come_twice(self):
        self.endure(("duplicate", {"p": 0.5}), ("undead", {"p": 0.5}))

    def test_10_receipts_that_are_refused(self):
        self.endure(("lease", {"p": 0.3}), effects_once=False)

    def test_11_heartbeats_that_are_refused(self):
        site = self.site
        site.sim.tell("fault", method="chat.delete", kind="slow", ms=9000, count=2)
        self.endure(("lease", {"action": "ChangeMessageVisibilityBatch"}), effects_once=False)

    def test_12_work_that_takes_longer_than_its_visibility(self):
        self.site.sim.tell("fault", method="chat.delete", kind="slow", ms=15000, count=2)
        self.endure()

    def test_15_clocks_an_hour_apart(self):
        for skew_ms in (3600000, -3600000, 0):
            self.site.box.tell("clock", skew_ms=skew_ms)
            self.endure()

    def test_16_credentials_that_expire_for_a_while(self):
        self.endure(("expired", {"count": 12}))

    def test_17_no_permission_for_a_while(self):
        self.site.explain("queue.missing")
        self.site.explain("health.bad")
        self.endure(("denied", {"for_ms": 4000}))

    def test_18_nobody_listens_for_a_while(self):
        self.endure(before=lambda: self.site.box.tell("down", ms=4000))

    def test_19_connections_that_say_nothing_any_more(self):
        self.endure(("stall", {"action": "ReceiveMessage", "count": 2}),
                    ("stall", {"action": "SendMessageBatch", "count": 1}))

    def test_22_a_batch_that_is_refused_for_one_of_its_entries(self):
        self.site.explain("queue.refused", error="BatchRequestTooLong")
        self.endure(("error", {"action": "SendMessageBatch", "code": "BatchRequestTooLong",
                               "status": 400, "count": 3}))

    def test_23_check_sums_that_are_wrong(self):
        self.endure(("md5", {"p": 0.3}))

    def test_24_too_many_in_flight(self):
        self.endure(("over_limit", {"action": "ReceiveMessage", "for_ms": 3000}))

    def test_25_answers_in_another_order_with_what_nobody_knows(self):
        self.endure(("shuffle", {}))

    def test_99_sigterm_ends_each_with_nothing_left(self):
        """Row 21: with the open polls, and with what each site is checked for."""
        poll("both to wait for work", lambda: (self.site.look_empty()[0], self.site.look_empty()))
        case.check(self, self.site)


def load_tests(loader, tests, pattern):
    """All of them, or every Nth from the Kth on, as $FAULTS_PART says ("1/4"); the last one always."""
    del loader, pattern
    part, count = (int(number) for number in os.environ.get("FAULTS_PART", "1/1").split("/"))
    every = sorted((test for group in tests for test in group), key=lambda test: test.id())
    return unittest.TestSuite(every[part - 1:-1:count] + every[-1:])


if __name__ == "__main__":
    unittest.main(verbosity=2)
