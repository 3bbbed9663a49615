#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All faults at once, and a careful client: what it was told holds, and the audit agrees."""
import http.client
import random
import threading
import unittest

from aws_harness import CloudCase, md5

MESSAGES = 200
WORKERS = 4
RULES = [("http", {"status": 500}), ("http", {"status": 503, "after": True}), ("throttle", {}),
         ("reset", {}), ("reset", {"after": True}), ("truncate", {}), ("cut", {}), ("garbage", {}),
         ("shuffle", {}), ("slow", {"ms": 20}), ("slow", {"ms": 20, "after": True}),
         ("stall", {"ms": 50}), ("stall", {"ms": 50, "after": True}), ("half", {"ms": 50}),
         ("partial", {}), ("partial", {"after": True}), ("omit", {}), ("md5", {}),
         ("duplicate", {}), ("undead", {"ms": 10}), ("early", {"ms": 10}), ("lease", {}),
         ("empty", {}), ("disorder", {})]


class Together(CloudCase):
    def ask(self, action, queue, **body):
        """The answer of a call that went well, else None."""
        try:
            answer = self.cloud.try_sqs(action, queue, **body)
        except (OSError, http.client.HTTPException):
            return None
        return answer.body if answer.status == 200 else None

    def send_all(self, queue, bodies):
        """Until each was told to have been taken, with its digest."""
        left = {str(i): body for i, body in enumerate(bodies)}
        while left:
            batch = random.sample(sorted(left), min(10, len(left)))
            answer = self.ask("SendMessageBatch", queue, Entries=[
                {"Id": name, "MessageBody": left[name]} for name in batch])
            for entry in (answer or {}).get("Successful", []):
                if entry["MD5OfMessageBody"] == md5(left[entry["Id"]]):
                    del left[entry["Id"]]

    def work(self, seen):
        """From in to out: the output is sent before the input is deleted."""
        while not self.is_over.is_set():
            messages = (self.ask("ReceiveMessage", "in", MaxNumberOfMessages=10,
                                 VisibilityTimeout=1, WaitTimeSeconds=1) or {}).get("Messages", [])
            good = [m for m in messages if m["MD5OfBody"] == md5(m["Body"])]
            self.send_all("out", [m["Body"] for m in good])
            seen.update(m["Body"] for m in good)
            if good:
                self.ask("DeleteMessageBatch", "in", Entries=[
                    {"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]}
                    for i, m in enumerate(good)])

    def check_order(self):
        """Each input's body was in the output when the input was deleted."""
        bodies = {m["id"]: m["head"] for queue in ("in", "out")
                  for m in self.cloud.messages(queue, limit=100000)}
        sent = set()
        for step in self.cloud.get("audit/log", limit=100000)["log"]:
            if (step["what"], step["queue"]) == ("send", "out"):
                sent.add(bodies[step["id"]])
            elif (step["what"], step["queue"]) == ("delete", "in"):
                self.assertIn(bodies[step["id"]], sent)

    def test_nothing_that_was_acknowledged_is_lost_and_the_order_is_proved(self):
        self.cloud.make("in", "out")
        self.is_over = threading.Event()
        for kind, more in RULES:
            self.cloud.fault(kind, p=0.04, **more)
        bodies = ["message %d" % i for i in range(MESSAGES)]
        seen = set()
        workers = [threading.Thread(target=self.work, args=(seen,)) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        try:
            self.send_all("in", bodies)
            self.assertTrue(self.cloud.get("wait", queue="in", left=0, timeout_ms=90000)["ok"])
        finally:
            self.is_over.set()
            for worker in workers:
                worker.join()
        self.assertEqual(seen, set(bodies))
        out = self.cloud.messages("out", limit=100000)
        self.assertEqual({m["head"] for m in out}, set(bodies))
        audit = self.cloud.queue_audit("in")
        self.assertEqual(audit["deleted"], audit["sent"])
        self.assertGreaterEqual(audit["sent"], audit["acknowledged"])
        self.assertGreaterEqual(audit["acknowledged"], MESSAGES)
        self.assertGreater(audit["deliveries"], audit["sent"], "some came twice")
        self.check_order()
        self.assertGreater(len(self.cloud.audit()["faults"]), len(RULES) // 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
