#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does the audit tell what was promised, what became of it, and in which order?"""
import hashlib
import subprocess
import unittest

from aws_harness import PROGRAM, Cloud, CloudCase, b64


class Audit(CloudCase):
    def setUp(self):
        super().setUp()
        self.cloud.make("in", "out")

    def delete(self, queue, message):
        self.cloud.sqs("DeleteMessage", queue, ReceiptHandle=message["ReceiptHandle"])

    def test_each_message_is_told_of_with_its_fate(self):
        ids = self.cloud.send("in", "first", "second" * 20, MessageGroupId="tenant")
        [got] = self.cloud.receive("in", 1)
        self.delete("in", got)
        first, second = self.cloud.messages("in")
        self.assertEqual([first["id"], second["id"]], ids)
        self.assertEqual((first["state"], first["deliveries"], first["deletions"], first["head"]),
                         ("deleted", 1, 1, "first"))
        self.assertEqual((second["state"], second["deliveries"], second["group"]),
                         ("left", 0, "tenant"))
        self.assertEqual(second["head"], ("second" * 20)[:64])
        self.assertEqual(second["sha256"], hashlib.sha256(b"second" * 20).hexdigest())
        self.assertEqual([m["id"] for m in self.cloud.messages("in", state="left")], ids[1:])
        [whole] = self.cloud.messages("in", state="left", body=1)
        self.assertEqual(whole["body"], "second" * 20)

    def test_the_summary_counts_what_the_details_list(self):
        self.cloud.send("in", "a", "b", "c")
        for message in self.cloud.receive("in", 2):
            self.delete("in", message)
        summary = self.cloud.queue_audit("in")
        self.assertEqual((summary["sent"], summary["acknowledged"], summary["deliveries"],
                          summary["deleted"], summary["left"]), (3, 3, 2, 2, 1))
        self.assertEqual(summary["now"], {"ready": 1, "delayed": 0, "in_flight": 0, "ghosts": 0,
                                          "polls": 0})

    def test_the_log_shows_what_was_sent_before_what_was_deleted(self):
        self.cloud.kinesis("CreateStream", StreamName="events", ShardCount=1)
        [received_id] = self.cloud.send("in", "input")
        [got] = self.cloud.receive("in")
        self.cloud.kinesis("PutRecord", StreamName="events", Data=b64("e"), PartitionKey="k")
        [sent_id] = self.cloud.send("out", "output")
        self.delete("in", got)
        log = self.cloud.get("audit/log")["log"]
        self.assertEqual([(s["what"], s.get("queue") or s["stream"]) for s in log],
                         [("send", "in"), ("receive", "in"), ("put", "events"), ("send", "out"),
                          ("delete", "in")])
        self.assertEqual([s["id"] for s in log if "id" in s],
                         [received_id, received_id, sent_id, received_id])
        self.assertEqual([s["step"] for s in log], list(range(5)))

    def test_requests_are_counted_by_action_and_result(self):
        self.cloud.send("in", "a")
        self.cloud.try_sqs("SendMessage", "nowhere", MessageBody="a")
        self.cloud.fault("throttle", count=1)
        self.cloud.try_sqs("SendMessage", "in", MessageBody="a")
        self.cloud.ask("sqs", "Nothing", {})
        requests = self.cloud.audit()["requests"]
        self.assertEqual(requests["SendMessage"], {
            "calls": 3, "ok": 1,
            "results": {"ok": 1, "QueueDoesNotExist": 1, "fault: throttle": 1}})
        self.assertEqual(requests["unknown"]["results"], {"UnknownOperationException": 1})
        self.assertEqual(self.cloud.audit()["faults"], {"throttle": 1})

    def test_records_are_told_of_in_order_for_each_key(self):
        self.cloud.kinesis("CreateStream", StreamName="events", ShardCount=2)
        for key, data in (("a", "a0"), ("b", "b0"), ("a", "a1")):
            self.cloud.kinesis("PutRecord", StreamName="events", Data=b64(data), PartitionKey=key)
        self.assertEqual([(r["key"], r["data"]) for r in self.cloud.records("events", data=1)],
                         [("a", b64("a0")), ("b", b64("b0")), ("a", b64("a1"))])
        of_a = self.cloud.records("events", key="a")
        self.assertLess(int(of_a[0]["sequence"]), int(of_a[1]["sequence"]))
        self.assertTrue(all(r["acknowledged"] for r in of_a))
        self.assertEqual(self.cloud.get("audit/keys", stream="events")["keys"],
                         [{"key": "a", "records": 2}, {"key": "b", "records": 1}])

    def test_details_come_in_pages(self):
        ids = self.cloud.send("in", *"abcde")
        seen, start = [], 0
        while start is not None:
            page = self.cloud.get("audit/messages", queue="in", limit=2, **{"from": start})
            self.assertLessEqual(len(page["messages"]), 2)
            seen += [m["id"] for m in page["messages"]]
            start = page.get("next")
        self.assertEqual(seen, ids)
        self.assertEqual(self.cloud.get("audit/log", **{"from": 3})["log"][0]["step"], 3)

    def test_what_was_never_seen_is_not_there(self):
        self.cloud.get("audit/messages", 404, queue="none")
        self.cloud.get("audit/records", 404, stream="none")
        self.cloud.get("nothing", 404)
        self.cloud.get("wait", 404)
        self.cloud.get("wait", 404, queue="none", left=0)

    def test_a_moved_message_goes_on_as_another_entry(self):
        self.cloud.sqs("SetQueueAttributes", "in", Attributes={
            "RedrivePolicy": '{"deadLetterTargetArn":"%s","maxReceiveCount":1}'
                             % self.cloud.arn("out")})
        [sent] = self.cloud.send("in", "poison")
        self.cloud.receive("in", VisibilityTimeout=0)
        self.cloud.receive("in")
        [before] = self.cloud.messages("in")
        [after] = self.cloud.messages("out")
        self.assertEqual((before["state"], after["state"]), ("moved", "left"))
        self.assertEqual((before["id"], after["id"], after["moved_in"]), (sent, sent, True))

    def test_a_reset_forgets_everything(self):
        self.cloud.send("in", "a")
        self.cloud.fault("denied")
        self.cloud.tell("clock", skew_ms=3600000)
        self.cloud.tell("reset")
        self.assertEqual(self.cloud.audit()["queues"], [])
        self.cloud.make("in")
        self.assertEqual(self.cloud.receive("in"), [])

    def test_waiting_ends_when_it_is_so_or_too_late(self):
        self.cloud.get("wait", 504, action="SendMessage", timeout_ms=50)
        self.cloud.send("in", "a")
        self.assertTrue(self.cloud.get("wait", action="SendMessage", ok=1)["ok"])
        self.assertTrue(self.cloud.get("wait", queue="in", sent=1)["ok"])
        self.cloud.get("wait", 504, queue="in", left=0, timeout_ms=50)


class Keeping(unittest.TestCase):
    def test_only_so_much_of_what_is_over_is_remembered(self):
        cloud = Cloud("--keep", "5", "--queue", "q", "--no-auth")
        try:
            ids = cloud.send("q", *"abcdefgh")
            for _ in ids:
                [got] = cloud.receive("q", 1)
                cloud.sqs("DeleteMessage", "q", ReceiptHandle=got["ReceiptHandle"])
            self.assertEqual([m["id"] for m in cloud.messages("q")], ids[3:])
            self.assertEqual(cloud.audit()["forgotten"], 3)
            self.assertEqual(cloud.queue_audit("q")["deleted"], 8)
            log = cloud.get("audit/log")
            self.assertEqual((len(log["log"]), log["first"], log["log"][0]["step"]), (20, 4, 4))
        finally:
            self.assertEqual(cloud.stop()[0], 0)


class CommandLine(unittest.TestCase):
    def run_it(self, *args):
        return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60,
                              check=False)

    def test_help_shows_examples_first_and_is_part_of_the_whole(self):
        one = self.run_it("aws", "--help")
        self.assertEqual(one.returncode, 0)
        self.assertLess(one.stdout.index("Examples:"), one.stdout.index("Options:"))
        whole = self.run_it("--help").stdout
        self.assertIn(one.stdout, whole)
        self.assertIn("orchestrator-sim slack", whole)

    def test_a_wrong_command_line_is_refused_with_its_reason(self):
        for args, word in ((("--listen", "0.0.0.0:0"), "--allow-remote"), (("--seed", "x"), "--seed"),
                           (("--keep", "0"), "--keep"), (("--nothing", "1"), "--nothing"),
                           (("--seed",), "missing")):
            done = self.run_it("aws", *args)
            self.assertEqual(done.returncode, 64, args)
            self.assertIn(word, done.stderr)
        for args, word in ((("--fault", "nothing"), "kind"), (("--queue", "a b"), "--queue"),
                           (("--stream", "s:0"), "--stream")):
            done = self.run_it("aws", *args)
            self.assertEqual(done.returncode, 69, args)
            self.assertIn(word, done.stderr)

    def test_queues_and_streams_are_made_at_the_start(self):
        cloud = Cloud("--queue", "in", "--queue", "out,dead,3", "--queue", "f.fifo", "--stream",
                      "events:3")
        try:
            policy = cloud.sqs("GetQueueAttributes", "out", AttributeNames=["RedrivePolicy"])
            self.assertIn('"maxReceiveCount":3', policy["Attributes"]["RedrivePolicy"])
            self.assertEqual(len(cloud.sqs("ListQueues")["QueueUrls"]), 4)
            self.assertEqual(len(cloud.kinesis("ListShards", StreamName="events")["Shards"]), 3)
        finally:
            self.assertEqual(cloud.stop()[0], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
