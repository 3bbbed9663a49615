#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What messages in SQS look like, and such as none of us has sent."""
import json
import unittest

from case import Case, needles

TEXT = "my card 4716301661318609"


class Messages(Case):
    def test_a_message_is_a_task_that_tells_nothing_of_what_people_wrote(self):
        with self.site() as site:
            host = site.host(stages="intake")
            host.start()
            site.post(TEXT)
            queue = site.queue("scan")
            host.await_metric("orchestrator_sqs_entries_total", 1, action="SendMessageBatch",
                              result="done")
            message, = queue.look()
            body = json.loads(message["Body"])
            self.assertEqual(set(body), {"task", "args", "kwargs"})
            self.assertEqual((body["task"], body["args"]), ("scan", []))
            entry, = host.json_lines("queue", "peek", "scan")
            for key in ("row", "queue", "id", "pipeline", "tenant", "trace", "put_ms"):
                self.assertEqual(body["kwargs"][key], entry[key], key)
            self.assertGreater(len(body["kwargs"]["sealed"]), 100)
            for needle in needles(site):
                self.assertNotIn(needle, json.dumps(message))

    def test_a_task_of_an_action_looks_alike(self):
        with self.site() as site:
            site.host(stages="intake,scan").start()
            site.post(TEXT)
            for action in ("block", "log"):
                queue = site.queue("act." + action)
                queue.await_count(1)
                message, = queue.look()
                body = json.loads(message["Body"])
                self.assertEqual((body["task"], body["kwargs"]["queue"]), ("act", "act." + action))
                for needle in needles(site):
                    self.assertNotIn(needle, json.dumps(message))

    def test_what_is_no_task_of_ours_is_set_aside_with_its_reason_and_work_goes_on(self):
        strangers = (
            ('{"task":"sing","args":[],"kwargs":{}}', "unknown_task", "not one of this queue's"),
            ('{"task":"act","args":[],"kwargs":{"row":1,"id":"a","queue":"scan"}}', "unknown_task",
             "not one of this queue's"),
            ("this is not JSON", "bad_json", "no JSON"),
            ('{"task":"scan"', "bad_json", "no JSON"),
            ('{"args":[],"kwargs":{}}', "no_task", 'no "task"'),
            ('["scan"]', "no_task", "no JSON object"),
            ('{"task":"scan","args":[]}', "bad_task", 'no "kwargs"'),
            ('{"task":"scan","args":[],"kwargs":{"row":0}}', "bad_task", "name no row"),
            ('{"task":"scan","args":[],"kwargs":{"row":1,"id":"a","queue":"act.log"}}', "bad_task",
             "name no row"),
        )
        with self.site() as site:
            site.explain("queue.alien")
            host = site.host()
            host.start()
            host.await_polls(3)
            for body, _, _ in strangers:
                site.queue("scan").send(body)
            dead = site.await_dead("scan", len(strangers))
            wanted = sorted(strangers, key=str)
            self.assertEqual(sorted(entry["reason"] for entry in dead),
                             sorted(reason for _, reason, _ in strangers))
            letters = site.queue("scan-dead").await_letters(len(strangers))
            site.queue("scan").await_count(0)
            found = {letter["Body"]: letter["MessageAttributes"] for letter in letters}
            for body, reason, words in wanted:
                self.assertEqual(found[body]["reason"]["StringValue"], reason)
                self.assertIn(words, found[body]["detail"]["StringValue"])
            self.assertEqual({attributes["id"]["StringValue"] for attributes in found.values()},
                             {entry["id"] for entry in dead})
            self.assertEqual(len(host.logged("queue.alien")), len(strangers))

            site.await_shown(site.post(TEXT), "deleted")
            site.await_ledger(in_flight=0, dead=len(strangers))

    def test_a_stranger_of_any_size_is_set_aside(self):
        with self.site() as site:
            site.explain("queue.alien")
            host = site.host()
            host.start()
            host.await_polls(3)
            bodies = ["[" * 100000, "{}" * 100000, "\u20ac" * 100000, "\n" * 980000]
            too_large = ["x" * 1000000, "\n" * (1 << 20)]
            for body in bodies + too_large:
                site.queue("scan").send(body)
            site.await_dead("scan", len(bodies + too_large))
            letters = site.queue("scan-dead").await_letters(len(bodies + too_large))
            site.queue("scan").await_count(0)
            self.assertEqual({letter["Body"] for letter in letters}, {
                *bodies, "the message is too large for a dead letter; the store has it"})

    def test_a_stranger_can_be_discarded_and_not_redriven(self):
        with self.site() as site:
            site.explain("queue.alien")
            host = site.host()
            host.start()
            host.await_polls(3)
            site.queue("scan").send("this is not JSON")
            site.await_dead("scan", 1)
            code, out, said = host.command("queue", "redrive", "scan")
            self.assertEqual((code, out), (1, "0 redriven\n"))
            self.assertIn("1 cannot go back", said)
            self.assertEqual(len(site.dead("scan")), 1)
            self.assertEqual(host.command("queue", "discard", "scan")[:2], (0, "1 discarded\n"))
            self.assertEqual(site.dead("scan"), [])
            self.assertEqual(site.ledger()["dropped"], 1)

    def test_a_copy_has_no_second_effect(self):
        with self.site() as site:
            host = site.host(stages="intake,scan")
            host.start()
            site.post(TEXT)
            task = site.queue("act.block")
            task.await_count(1)
            message, = task.look()
            task.send(message["Body"])
            task.send(message["Body"])
            self.assertEqual(host.stop(), 0)

            host.stages = []
            host.start()
            task.await_count(0)
            site.await_ledger(in_flight=0, dead=0)
            task.send(message["Body"])
            task.await_count(0)
            self.assertEqual(site.calls("chat.delete"), 1)
            self.assertEqual(site.calls("chat.postMessage"), 1)
            self.assertEqual(len(host.logged("action.done", instance="block")), 1)
            host.await_metric("orchestrator_sqs_deliveries_total", 1, queue="act.block",
                              result="leased")

    def test_a_copy_that_was_changed_brings_nothing_of_its_own(self):
        with self.site() as site:
            host = site.host(stages="intake")
            host.start()
            leak = site.post(TEXT)
            queue = site.queue("scan")
            queue.await_count(1)
            message, = queue.receive()
            changed = json.loads(message["Body"])
            changed["kwargs"]["tenant"] = changed["kwargs"]["pipeline"] = "another"
            sealed = changed["kwargs"]["sealed"]
            changed["kwargs"]["sealed"] = sealed[:-8] + sealed[:8]
            queue.remove(message)
            queue.send(json.dumps(changed))
            self.assertEqual(host.stop(), 0)
            host.stages = []
            host.start()
            site.await_shown(leak, "deleted")
            judged, = host.logged("event.judged")
            self.assertEqual((judged["pipeline"], judged["verdict"]), ("slack-dlp", "block"))
            site.await_ledger(in_flight=0, dead=0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
