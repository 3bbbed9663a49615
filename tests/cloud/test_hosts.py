#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several hosts, and what each of them says of the whole."""
import copy
import signal
import time
import unittest

from case import Case
from hosts import Given

from harness import poll

TEXT = "my card 4716301661318609"
RULE = ("--tool", "dlp", "--name", "badge", "--severity", "high", "--match", "B-1234-Y",
        "--no-match", "B-12", "B-[0-9]{4}-[A-Z]")


class Hosts(Case):
    def test_a_rule_that_is_added_on_one_host_is_in_force_on_the_other(self):
        with self.site() as site:
            host = site.host(stages="intake,scan,act")
            other = site.host("elsewhere", stages="scan")
            host.start()
            other.start()
            for each in (host, other):
                each.await_log("rules.loaded")
            before = len(other.logged("rules.loaded"))
            begun = time.monotonic()
            self.assertEqual(host.command("rule", "add", *RULE)[0], 0)
            other.await_log("rules.loaded", before + 1)
            took_s = time.monotonic() - begun
            print("the command and the news of it elsewhere took %.2f s" % took_s, flush=True)
            self.assertLess(took_s, 15, "it was told by no notification")
            self.assertEqual(host.stop(), 0)
            host.stages = ["--stages", "intake,act"]
            host.start()
            site.await_shown(site.post("badge B-4712-X found"), "deleted")
            self.assertEqual(other.metric("orchestrator_events_scanned_total"), 1)

    def test_the_numbers_are_the_same_from_every_host_and_balance(self):
        with self.site() as site:
            host = site.host(stages="intake")
            other = site.host("elsewhere", stages="act")
            host.start()
            other.start()
            for number in range(7):
                site.post("%s, number %d" % (TEXT, number))
            for each in (host, other):
                ledger, queues = each.queues()
                self.assertEqual({key: ledger[key] for key in (
                    "accepted", "in_flight", "done", "dead", "imbalance")},
                    {"accepted": 7, "in_flight": 7, "done": 0, "dead": 0, "imbalance": 0})
                self.assertEqual((queues["scan"]["waiting"], queues["scan"]["leased"]), (7, 0))
                each.await_metric("orchestrator_queue_depth", 7, queue="scan")
                each.await_metric("orchestrator_queue_in_flight", 0, queue="scan")
                each.await_metric("orchestrator_queue_dead", 0, queue="scan")
                each.await_metric("orchestrator_ledger_messages", 7, queue="scan", state="accepted")
                each.await_metric("orchestrator_ledger_imbalance", 0)
                poll("an age of a second", lambda each=each: ((seen := each.metric(
                    "orchestrator_queue_oldest_age_seconds", queue="scan")) >= 1, seen))
            self.assertEqual(site.queue("scan").count(), 7)

            third = site.host("in-between", stages="scan")
            third.start()
            site.await_ledger(in_flight=0, dead=0)
            for each in (host, other, third):
                each.await_metric("orchestrator_queue_depth", 0, queue="scan")
                each.await_metric("orchestrator_queue_oldest_age_seconds", 0, queue="scan")
                self.assertEqual(each.queues()[0], site.ledger())

    def test_a_host_that_is_told_to_stop_ends_soon_and_leaves_no_copy_behind(self):
        with self.site() as site:
            host = site.host(wait="3s")
            host.start()
            host.await_polls(3)
            leaks = [site.post("%s, number %d" % (TEXT, number)) for number in range(20)]
            site.await_shown(leaks[0], "deleted")
            begun = time.monotonic()
            host.signal(signal.SIGTERM)
            self.assertEqual(host.wait_exit(), 0)
            self.assertLess(time.monotonic() - begun, 20, "a poll, and what is under way, is enough")
            self.assertEqual(host.logged("drain.release"), [])
            # What it had received and not begun is not hidden from the others.
            other = site.host("elsewhere")
            other.start()
            for leak in leaks:
                site.await_shown(leak, "deleted")
            site.await_ledger(in_flight=0, dead=0)
            self.assertEqual(site.calls("chat.delete"), len(leaks))
            for name in ("scan", "act.block", "act.log"):
                site.queue(name).await_count(0)

    def test_work_of_a_host_that_is_killed_is_taken_up_by_another(self):
        with self.site() as site:
            host = site.host(visibility="3s")
            other = site.host("elsewhere", stages="act", visibility="3s")
            host.start()
            site.sim.tell("fault", method="chat.delete", kind="hold", count=5)
            leaks = [site.post("%s, number %d" % (TEXT, number)) for number in range(5)]
            poll("5 calls that hang", lambda: ((seen := site.sim.brief()["held"]) == 5, seen))
            host.kill()
            site.sim.tell("release", drop=True)
            other.start()
            for leak in leaks:
                site.await_shown(leak, "deleted")
            site.await_ledger(dead=0, in_flight=0)

    def test_a_host_with_another_key_does_not_start(self):
        with self.site() as site:
            site.host().start()
            stranger = site.host("stranger", stages="scan")
            stranger.given = copy.copy(site.given)
            stranger.given.store_key = Given().store_key
            site.explain("start.failed")
            stranger.begin()
            self.assertEqual(stranger.wait_exit(), 1)
            failed, = stranger.logged("start.failed")
            self.assertIn("key", failed["error"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
