#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Dead letters: in the books and in SQS, put back from here and from there."""
import unittest

from case import Case

TEXT = "my card 4716301661318609"


class Dead(Case):
    def kill(self, site, host, times=1):
        """A message whose block fails until the small Slack is whole again."""
        site.explain("task.dead")
        host.settings.change("block.attempts", "1")
        site.sim.tell("fault", method="chat.delete", kind="status", status=503, count=times)
        host.start()
        leak = site.post(TEXT)
        site.await_dead("act.block", 1)
        site.queue("act.block-dead").await_letters(1)
        return leak

    def test_a_letter_has_the_reason_that_the_books_have(self):
        with self.site() as site:
            host = site.host()
            self.kill(site, host)
            entry, = site.dead("act.block")
            letter, = site.queue("act.block-dead").await_letters(1)
            said = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
            self.assertEqual(said, {key: entry[key] for key in ("reason", "detail", "id", "pipeline")})
            self.assertEqual(said["reason"], "attempts")
            self.assertIn("HTTP 503", said["detail"])
            self.assertNotIn("sealed", letter["Body"])
            site.await_ledger(dead=1, in_flight=0, imbalance=0)

    def test_redrive_takes_it_up_again(self):
        with self.site() as site:
            host = site.host()
            leak = self.kill(site, host)
            self.assertEqual(host.command("queue", "redrive", "act.block")[:2], (0, "1 redriven\n"))
            site.await_shown(leak, "deleted")
            site.await_ledger(dead=0, in_flight=0)
            # The letters are looked at soon after a start, and seldom later.
            self.assertEqual(host.stop(), 0)
            host.start()
            site.queue("act.block-dead").await_count(0)

    def test_discard_ends_it(self):
        with self.site() as site:
            host = site.host()
            leak = self.kill(site, host)
            self.assertEqual(host.command("queue", "discard", "act.block")[:2], (0, "1 discarded\n"))
            site.await_ledger(dead=0, in_flight=0, dropped=1)
            self.assertEqual(host.stop(), 0)
            host.start()
            site.queue("act.block-dead").await_count(0)
            self.assertEqual(site.shown(leak), "live")

    def test_a_letter_that_is_moved_back_in_sqs_is_taken_as_redriven(self):
        with self.site() as site:
            host = site.host()
            leak = self.kill(site, host)
            self.assertEqual(site.queue("act.block-dead").move_all_to(site.queue("act.block")), 1)
            site.await_shown(leak, "deleted")
            site.await_ledger(dead=0, in_flight=0)
            site.queue("act.block").await_count(0)
            self.assertGreaterEqual(host.metric("orchestrator_sqs_deliveries_total",
                                                queue="act.block", result="redriven"), 1)

    def test_a_letter_that_was_discarded_and_is_moved_back_has_no_effect(self):
        with self.site() as site:
            host = site.host()
            leak = self.kill(site, host)
            self.assertEqual(host.command("queue", "discard", "act.block")[0], 0)
            self.assertEqual(site.queue("act.block-dead").move_all_to(site.queue("act.block")), 1)
            site.queue("act.block").await_count(0)
            self.assertEqual(site.shown(leak), "live")
            site.await_ledger(dead=0, in_flight=0, dropped=1)

    def test_one_that_dies_again_has_one_letter(self):
        with self.site() as site:
            host = site.host()
            leak = self.kill(site, host, times=2)
            letters = site.queue("act.block-dead")
            self.assertEqual(letters.move_all_to(site.queue("act.block")), 1)
            site.await_dead("act.block", 1)
            letters.await_letters(1)
            site.queue("act.block").await_count(0)
            self.assertEqual(letters.move_all_to(site.queue("act.block")), 1)
            site.await_shown(leak, "deleted")
            site.await_ledger(dead=0, in_flight=0)
            letters.await_count(0)

    def test_a_stranger_that_is_moved_back_dies_again_as_the_same(self):
        with self.site() as site:
            site.explain("queue.alien")
            host = site.host()
            host.start()
            host.await_polls(3)
            queue, letters = site.queue("scan"), site.queue("scan-dead")
            queue.send("this is not JSON")
            letters.await_count(1)
            before = site.dead("scan")
            for _ in range(2):
                letters.await_letters(1)
                self.assertEqual(letters.move_all_to(queue), 1)
                letters.await_letters(1)
                queue.await_count(0)
            self.assertEqual(site.dead("scan"), before)
            letter, = letters.await_letters(1)
            self.assertEqual(letter["MessageAttributes"]["id"]["StringValue"], before[0]["id"])
            self.assertEqual(len(host.logged("queue.alien")), 1)

    def test_what_sqs_itself_sets_aside_gets_its_reason_and_can_be_redriven(self):
        with self.site() as site:
            site.explain("queue.aside")
            host = site.host(stages="intake", receives="1")
            host.start()
            leak = site.post(TEXT)
            queue = site.queue("scan")
            queue.await_count(1)
            for _ in range(12):  # one more than ours and SQS's own together
                queue.look()
            letters = site.queue("scan-dead")
            letters.await_count(1)
            self.assertEqual(host.stop(), 0)
            host.start()
            entry, = site.await_dead("scan", 1)
            self.assertEqual(entry["reason"], "receives")
            host.await_log("queue.aside", reason="receives")
            letter, = letters.await_letters(1)
            self.assertEqual(letter["MessageAttributes"]["reason"]["StringValue"], "receives")
            self.assertEqual(letter["MessageAttributes"]["id"]["StringValue"], entry["id"])
            site.await_ledger(dead=1, in_flight=0)

            self.assertEqual(host.command("queue", "redrive", "scan")[:2], (0, "1 redriven\n"))
            self.assertEqual(host.stop(), 0)
            host.stages = []
            host.start()
            site.await_shown(leak, "deleted")
            site.await_ledger(dead=0, in_flight=0)

    def test_a_message_that_is_delivered_too_often_is_set_aside_by_us_first(self):
        with self.site() as site:
            site.explain("task.dead")
            site.explain("event.dead")
            host = site.host(stages="intake", visibility="2s", receives="2")
            host.start()
            site.post(TEXT)
            queue = site.queue("scan")
            queue.await_count(1)
            site.sql("UPDATE item SET receives = 2")
            self.assertEqual(host.stop(), 0)
            host.stages = []
            host.start()
            entry, = site.await_dead("scan", 1)
            self.assertEqual(entry["reason"], "receives")
            letters = site.queue("scan-dead")
            letters.await_count(1)
            queue.await_count(0)

    def test_a_body_that_was_changed_at_rest_is_set_aside_as_damaged(self):
        with self.site() as site:
            site.explain("queue.damaged", rows=1)
            host = site.host(stages="intake", inline="0")
            host.start()
            leak = site.post(TEXT)
            site.queue("scan").await_count(1)
            site.sql("UPDATE body SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)")
            self.assertEqual(host.stop(), 0)
            host.stages = []
            host.start()
            entry, = site.await_dead("scan", 1)
            self.assertEqual((entry["reason"], entry["state"]), ("damaged", "damaged"))
            site.queue("scan-dead").await_count(1)
            site.queue("scan").await_count(0)
            site.await_ledger(dead=1, damaged=1, in_flight=0)
            host.await_log("queue.damaged")
            self.assertEqual(site.shown(leak), "live")


if __name__ == "__main__":
    unittest.main(verbosity=2)
